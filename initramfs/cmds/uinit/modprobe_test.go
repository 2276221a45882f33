//go:build linux

package main

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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
