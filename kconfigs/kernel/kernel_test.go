package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSeries(t *testing.T) {
	for version, want := range map[string]string{"6.12.117": "6.12", "6.1.172-1": "6.1", "7.0-rc1": "7.0", "x": "x"} {
		assert.Equal(t, want, Built{Version: version}.Series(), version)
	}
}
