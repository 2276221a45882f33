package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Every probe of the catalogue and every application can be named, in completion and in searches.
func TestProbeIDs(t *testing.T) {
	assert.NoError(t, knownProbes("lo/mtu", "perf/pipe", "init/lo", "app/redis/unix"))
	assert.EqualError(t, knownProbes("lo/mtu", "lo/mt"), `no such probe: "lo/mt"; netstrip show and shell completion list them`)
	words, _ := completeProbes(nil, nil, "lo/mtu,perf/tcp")
	assert.Equal(t, []string{"lo/mtu,perf/tcp4", "lo/mtu,perf/tcp6"}, words)
	words, _ = completeProbes(nil, nil, "app/redis/u")
	assert.Equal(t, []string{"app/redis/unix"}, words)
}
