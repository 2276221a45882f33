//go:build linux

package main

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAliased(t *testing.T) {
	const list = `# Aliases extracted from modules themselves.
alias rtnl-link-veth veth
alias virtio:d00000001v* virtio_net
alias net-pf-40 vsock
alias net_pf_40 vsock_other
`
	find := func(name string) []string { return aliased(bufio.NewScanner(strings.NewReader(list)), name) }
	assert.Equal(t, []string{"veth"}, find("rtnl-link-veth"))
	assert.Equal(t, []string{"virtio_net"}, find("virtio:d00000001v00001AF4"))
	assert.Equal(t, []string{"vsock", "vsock_other"}, find("net-pf-40"), "- and _ are the same")
	assert.Nil(t, find("pci:v00008086d00001237"))
}

func TestNode(t *testing.T) {
	path, mode, number, ok := node("tun net/tun c10:200\n")
	require.True(t, ok)
	assert.Equal(t, "net/tun", path)
	assert.Equal(t, uint32(unix.S_IFCHR), mode)
	assert.Equal(t, unix.Mkdev(10, 200), number)
	_, mode, _, ok = node("loop loop-control b7:0")
	assert.True(t, ok)
	assert.Equal(t, uint32(unix.S_IFBLK), mode)
	for _, line := range []string{"# Device nodes to trigger on-demand module loading.", "a ../b c1:2", "a b x1:2", "a b c1", ""} {
		_, _, _, ok := node(line)
		assert.False(t, ok, line)
	}
}
