package kconfigcheck

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestDoubt(t *testing.T) {
	config := map[string]string{"NET": "y", "INET": "y", "UNIX": "y", "PACKET": "m", "IPV6": "m", "NET_NS": "n", "VETH": "m", "9P_FS": "m", "NET_9P_FD": "m"}
	value := func(s string) string {
		if v := config[s]; v != "" {
			return v
		}
		return "n"
	}
	packet := wire.Finding{ID: "socket/packet/capture", Verdict: wire.Absent, Errno: "EAFNOSUPPORT", Call: "socket(AF_PACKET)", Detail: "no such family"}
	found := []wire.Finding{
		packet,
		{ID: "socket/tcp6/loopback", Verdict: wire.Absent, Errno: "EAFNOSUPPORT"},
		{ID: "kernel/9p", Verdict: wire.Absent, Errno: "ENODEV"},
		{ID: "netns/veth", Verdict: wire.Absent, Errno: "EINVAL"}, // NET_NS is n
		{ID: "kernel/tun", Verdict: wire.Absent, Errno: "ENOENT"}, // TUN is n
		{ID: "socket/unix/stream", Verdict: wire.Absent},          // UNIX is y
		{ID: "lo/addr6", Verdict: wire.Works},                     // its module was loaded
		{ID: "path/localhost", Verdict: wire.Absent},              // it has no symbol
		{ID: "none/such", Verdict: wire.Absent},                   // unknown
		{ID: "socket/udp6/loopback", Verdict: wire.Inconclusive, Detail: "why"},
	}
	got := Doubt(found, value, false)
	var details []string
	for i, f := range got {
		if f.Verdict != found[i].Verdict {
			assert.Equal(t, wire.Inconclusive, f.Verdict)
			details = append(details, f.ID+": "+f.Detail)
			continue
		}
		assert.Equal(t, found[i], f)
	}
	assert.Equal(t, []string{
		"socket/packet/capture: PACKET is m and its module is not in the guest: no such family",
		"socket/tcp6/loopback: IPV6 is m and its module is not in the guest",
		"kernel/9p: 9P_FS, NET_9P_FD are m and their modules are not in the guest",
	}, details)
	assert.Equal(t, "EAFNOSUPPORT", got[0].Errno, "the deciding errno is kept")
	assert.Equal(t, packet, found[0], "the argument is not changed")
	assert.Equal(t, "IPV6 is m and its module may not have been loaded (see modprobe's messages in the console log)",
		Doubt(found[1:2], value, true)[0].Detail)
}
