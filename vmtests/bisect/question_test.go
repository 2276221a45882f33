package bisect

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Every probe of the catalogue and every application can be named.
func TestKnown(t *testing.T) {
	assert.NoError(t, Known("lo/mtu", "perf/pipe", "init/lo", "app/redis/unix"))
	assert.EqualError(t, Known("lo/mtu", "lo/mt"), `no such probe: "lo/mt"; netstrip show and shell completion list them`)
}
