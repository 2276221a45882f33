package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Every probe of the catalogue and every application can be named, in completion.
func TestCompleteProbes(t *testing.T) {
	words, _ := completeProbes(nil, nil, "lo/mtu,perf/tcp")
	assert.Equal(t, []string{"lo/mtu,perf/tcp4", "lo/mtu,perf/tcp6"}, words)
	words, _ = completeProbes(nil, nil, "app/redis/u")
	assert.Equal(t, []string{"app/redis/unix"}, words)
}
