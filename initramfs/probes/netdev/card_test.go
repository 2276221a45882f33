//go:build linux

package netdev

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// A card that is in use is not moved: a test must not disconnect the machine.
func TestIdle(t *testing.T) {
	assert.ErrorContains(t, idle("lo"), "it is in use")
	assert.Equal(t, wire.Inconclusive, probes.Answer{}.Finding(idle("lo")).Verdict)
}
