//go:build linux

package netdev

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFlagNames(t *testing.T) {
	assert.Equal(t, "UP|LOOPBACK|RUNNING", FlagNames(0x49))
	assert.Equal(t, "LOOPBACK", FlagNames(0x8))
	assert.Equal(t, "UP|BROADCAST|RUNNING|MULTICAST", FlagNames(0x11043))
	assert.Empty(t, FlagNames(0))
}
