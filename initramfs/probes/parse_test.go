//go:build linux

package probes

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with the file path, or writes it there with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// The corpus holds what real machines have in /proc/net/if_inet6.
func TestInet6Addresses(t *testing.T) {
	files, err := filepath.Glob("testdata/if_inet6/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			golden(t, strings.TrimSuffix(file, ".txt")+".golden", strings.Join(inet6Addresses(string(text)), "\n")+"\n")
		})
	}
}

func TestInet6AddressesRefuse(t *testing.T) {
	for _, line := range []string{
		"", "\n", "0001 01 80 10 80 lo", "zz000000000000000000000000000001 01 80 10 80 lo",
		"00000000000000000000000000000001 01 81 10 80 lo", "00000000000000000000000000000001 01 80 10 80",
	} {
		assert.Empty(t, inet6Addresses(line), "%q", line)
	}
}

func TestFlagNames(t *testing.T) {
	assert.Equal(t, "UP|LOOPBACK|RUNNING", flagNames(0x49))
	assert.Equal(t, "LOOPBACK", flagNames(0x8))
	assert.Equal(t, "UP|BROADCAST|RUNNING|MULTICAST", flagNames(0x11043))
	assert.Empty(t, flagNames(0))
}

// A uevent as a kernel sent it, with what it was asked to carry.
func TestUeventIs(t *testing.T) {
	message, err := os.ReadFile("testdata/uevent/null.bin")
	require.NoError(t, err)
	const head, uuid = "change@/devices/virtual/mem/null", "6e657473-7472-4970-8000-00000000002a"
	assert.True(t, ueventIs(message, head, uuid))
	assert.False(t, ueventIs(message, "add@/devices/virtual/mem/null", uuid))
	assert.False(t, ueventIs(message, head, uuid[:35]+"b"))
	assert.False(t, ueventIs(message[:40], head, uuid))
	assert.False(t, ueventIs(nil, head, uuid))
}

// The answer of a kernel to an RTM_GETLINK dump.
func TestLinkNames(t *testing.T) {
	raw, err := os.ReadFile("testdata/links.bin")
	require.NoError(t, err)
	names, err := linkNames(raw)
	require.NoError(t, err)
	golden(t, "testdata/links.golden", strings.Join(names, "\n")+"\n")
	_, err = linkNames(raw[:len(raw)-4])
	assert.Error(t, err)
}

func TestICMP(t *testing.T) {
	// RFC 1071's own example.
	assert.Equal(t, ^uint16(0xddf2), checksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}))
	message := echoMessage(icmpEchoReply, 7, 1, pattern(55))
	assert.Zero(t, checksum(message), "over an odd number of bytes too")

	header := make([]byte, 20)
	header[0], header[9] = 0x45, unix.IPPROTO_ICMP
	packet := append(header, message...)
	assert.Equal(t, message, icmpPart(packet))
	for name, spoil := range map[string]func([]byte) []byte{
		"too short":         func(p []byte) []byte { return p[:27] },
		"not IPv4":          func(p []byte) []byte { p[0] = 0x65; return p },
		"not ICMP":          func(p []byte) []byte { p[9] = unix.IPPROTO_UDP; return p },
		"header too short":  func(p []byte) []byte { p[0] = 0x44; return p },
		"header too long":   func(p []byte) []byte { p[0] = 0x4f; return p[:40] },
		"bytes not as sent": func(p []byte) []byte { p[50]++; return p },
	} {
		assert.Nil(t, icmpPart(spoil(append([]byte(nil), packet...))), name)
	}
}

func TestNetnsInode(t *testing.T) {
	inode, err := netnsInode("net:[4026531840]")
	require.NoError(t, err)
	assert.Equal(t, 4026531840.0, inode)
	_, err = netnsInode("mnt:[4026531840]")
	assert.Error(t, err)
}

// flow must notice every way in which bytes can be wrong.
func TestFlowNotices(t *testing.T) {
	p, err := socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer p.close()
	_, err = unix.Write(p.a, []byte("x"))
	require.NoError(t, err)
	assert.ErrorContains(t, flow(p.a, p.b, pattern(100)), "other bytes")

	q, err := socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer q.close()
	require.NoError(t, unix.Shutdown(q.a, unix.SHUT_WR))
	_, err = unix.Write(q.b, []byte("abc"))
	require.NoError(t, err)
	require.NoError(t, unix.Shutdown(q.b, unix.SHUT_WR))
	assert.ErrorContains(t, flow(p.a, q.a, pattern(100)), "after 3 of 100 bytes")
}

func TestMessagesNotice(t *testing.T) {
	// A stream has no messages, so what was sent as two arrives as one.
	p, err := socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer p.close()
	assert.ErrorContains(t, p.messages(), "1037 bytes")
}
