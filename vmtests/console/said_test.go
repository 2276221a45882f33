package console

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The output of systemd on a kernel without sockets, from start to stop.
func TestComplaints(t *testing.T) {
	log, err := os.ReadFile("testdata/systemd-freezes.log")
	require.NoError(t, err)
	said := Complaints(log)
	assert.Equal(t, []string{
		"systemd[1]: Failed to find module 'autofs4'",
		"systemd[1]: Failed to find module 'unix'",
		"systemd[1]: Failed to open netlink, ignoring: Function not implemented",
		"systemd[1]: Failed to allocate device monitor: Function not implemented",
		"systemd[1]: Failed to allocate notification socket: Function not implemented",
		"[!!!!!!] Failed to start up manager.",
		"systemd[1]: Freezing execution.",
	}, said)
	assert.Equal(t, "systemd[1]: Failed to allocate notification socket: Function not implemented", GaveUp(said))
	assert.Empty(t, GaveUp(said[:5]), "it has not given up yet")
	assert.Empty(t, GaveUp(said[5:]), "it does not say why")
	assert.Empty(t, GaveUp(nil))
}

// Kernel messages and lines before the start of init are not complaints of init.
func TestComplaintsOfUserSpaceAlone(t *testing.T) {
	const log = "tsc: Fast TSC calibration failed\n" +
		"[    0.1] x: can't find IRQ for PCI INT A\n" +
		"[    0.643467] Run /sbin/init as init process\n" +
		"[    0.700000] nbd0: unable to read partition table\n" +
		"lo: ifconfig: socket: Function not implemented\r\n" +
		"lo: ifconfig: socket: Function not implemented\n" +
		"all is well\n" +
		"[    0.800000] (sd-x)[12]: \x1b[0;1;31mFailed\x1b[0m to do it\n"
	assert.Equal(t, []string{"lo: ifconfig: socket: Function not implemented", "(sd-x)[12]: Failed to do it"}, Complaints([]byte(log)))

	var flood strings.Builder
	flood.WriteString("Run /init as init process\n")
	for n := range 1000 {
		fmt.Fprintf(&flood, "error %d\n", n)
	}
	assert.Len(t, Complaints([]byte(flood.String())), maxSaid)
	assert.Empty(t, Complaints(nil))
}
