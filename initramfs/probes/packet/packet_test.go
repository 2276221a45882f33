//go:build linux

package packet

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

func TestICMP(t *testing.T) {
	// The example of RFC 1071.
	assert.Equal(t, ^uint16(0xddf2), Checksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}))
	message := Echo(EchoReply, 7, 1, probes.Pattern(55))
	assert.Zero(t, Checksum(message), "over an odd number of bytes too")

	header := make([]byte, 20)
	header[0], header[9] = 0x45, unix.IPPROTO_ICMP
	packet := append(header, message...)
	assert.Equal(t, message, ICMP(packet))
	for name, spoil := range map[string]func([]byte) []byte{
		"too short":         func(p []byte) []byte { return p[:27] },
		"not IPv4":          func(p []byte) []byte { p[0] = 0x65; return p },
		"not ICMP":          func(p []byte) []byte { p[9] = unix.IPPROTO_UDP; return p },
		"header too short":  func(p []byte) []byte { p[0] = 0x44; return p },
		"header too long":   func(p []byte) []byte { p[0] = 0x4f; return p[:40] },
		"bytes not as sent": func(p []byte) []byte { p[50]++; return p },
	} {
		assert.Nil(t, ICMP(spoil(append([]byte(nil), packet...))), name)
	}
}
