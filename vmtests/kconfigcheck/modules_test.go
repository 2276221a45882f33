package kconfigcheck

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// modular is a .config with modules.
func modular(symbol string) string {
	config := map[string]string{
		"MODULES": "y", "NET": "y", "INET": "y", "UNIX": "y", "PACKET": "m", "IPV6": "m", "NET_NS": "n", "VETH": "m", "9P_FS": "m", "NET_9P_FD": "m",
		"DUMMY": "m",
	}
	if v := config[symbol]; v != "" {
		return v
	}
	return "n"
}

var packet = wire.Finding{
	ID: "socket/packet/capture", Verdict: wire.Absent, Errno: "EAFNOSUPPORT", Call: "socket(AF_PACKET)", Detail: "no such family",
}

func TestJudge(t *testing.T) {
	found := []wire.Finding{
		packet,
		{ID: "socket/tcp6/loopback", Verdict: wire.Absent, Errno: "EAFNOSUPPORT"},
		{ID: "kernel/9p", Verdict: wire.Absent, Errno: "ENODEV"},
		{ID: "netns/veth", Verdict: wire.Absent, Errno: "EINVAL"}, // NET_NS is n
		{ID: "kernel/tun", Verdict: wire.Absent, Errno: "ENOENT"}, // TUN is n
		{ID: "socket/unix/stream", Verdict: wire.Absent},          // UNIX is y
		{ID: "lo/addr6", Verdict: wire.Works},
		{ID: "path/localhost", Verdict: wire.Absent}, // it has no symbol
		{ID: "none/such", Verdict: wire.Absent},      // unknown
		{ID: "socket/udp6/loopback", Verdict: wire.Inconclusive, Detail: "why"},
	}
	got := Modules{Value: modular}.Judge(found, nil)
	var details []string
	for i, f := range got {
		if f.Verdict != found[i].Verdict {
			assert.Equal(t, wire.Inconclusive, f.Verdict)
			details = append(details, f.ID+": "+f.Detail)
			continue
		}
		assert.Equal(t, found[i].Detail, f.Detail)
	}
	const why = "not loaded: the guest has none of the kernel's modules"
	assert.Equal(t, []string{
		"socket/packet/capture: PACKET is m: module af_packet, " + why + "; no such family",
		"socket/tcp6/loopback: IPV6 is m: module ipv6, " + why,
		"kernel/9p: 9P_FS is m: module 9p, " + why + "; NET_9P_FD is m: module 9pnet_fd, " + why,
	}, details)
	assert.Equal(t, "EAFNOSUPPORT", got[0].Errno, "the deciding errno is kept")
	assert.Equal(t, []wire.Symbol{{Name: "TUN", Value: "n"}}, got[4].Symbols)
	assert.Equal(t, []wire.Symbol{{Name: "UNIX", Value: "y"}}, got[5].Symbols)
	assert.Empty(t, got[7].Symbols)
	assert.Empty(t, found[0].Symbols, "the argument is not changed")
}

// What the guest says about a module decides from then on.
func TestJudgeByGuest(t *testing.T) {
	inGuest := map[string]bool{"af_packet": true, "ipv6": true, "dummy": true}
	hello := &wire.Hello{LoadsModules: true, Modules: map[string]string{"ipv6": ""}}
	ask := func(m Modules, f wire.Finding, news map[string]string) (wire.Verdict, string) {
		f.Modules = news
		f.Symbols = []wire.Symbol{{Name: "PACKET", Value: "y"}} // a lie
		got := m.Judge([]wire.Finding{f}, hello)[0]
		return got.Verdict, got.Symbols[0].String()
	}
	m := Modules{Value: modular, InGuest: inGuest}
	verdict, said := ask(m, packet, map[string]string{"af_packet": "finit_module: EKEYREJECTED"})
	assert.Equal(t, wire.Inconclusive, verdict)
	assert.Equal(t, "PACKET is m: module af_packet, not loaded: finit_module: EKEYREJECTED", said)

	verdict, said = ask(m, packet, map[string]string{"af_packet": ""})
	assert.Equal(t, wire.Absent, verdict, "it is absent although its module is loaded")
	assert.Equal(t, "PACKET is m: module af_packet, loaded", said)

	_, said = ask(m, packet, nil)
	assert.Equal(t, "PACKET is m: module af_packet, not loaded: the kernel did not ask for it", said)
	m.Refuses = "it does not want to"
	_, said = ask(m, packet, nil)
	assert.Equal(t, "PACKET is m: module af_packet, not loaded: it does not want to", said)
	delete(inGuest, "af_packet")
	_, said = ask(m, packet, nil)
	assert.Equal(t, "PACKET is m: module af_packet, not loaded: the guest does not have it", said)

	verdict, said = ask(m, wire.Finding{ID: "lo/addr6", Verdict: wire.Works}, nil)
	assert.Equal(t, wire.Works, verdict)
	assert.Equal(t, "IPV6 is m: module ipv6, loaded", said)
}

// Without a .config only the guest's modules tell what is m.
func TestJudgeWithoutConfig(t *testing.T) {
	hello := &wire.Hello{LoadsModules: true}
	got := Modules{}.Judge([]wire.Finding{packet, {ID: "lo/addr4", Verdict: wire.Absent}, {ID: "lo/addr6", Verdict: wire.Works}}, hello)
	assert.Equal(t, wire.Inconclusive, got[0].Verdict)
	assert.Equal(t, "PACKET may be m (module af_packet): the kernel's .config is unknown, and the guest has none of its modules; no such family", got[0].Detail)
	assert.Equal(t, wire.Absent, got[1].Verdict, "INET cannot be m")
	assert.Empty(t, got[2].Symbols)

	got = Modules{InGuest: map[string]bool{"af_packet": true}}.Judge([]wire.Finding{packet, {ID: "lo/addr6", Verdict: wire.Absent}}, hello)
	assert.Equal(t, "PACKET is m: module af_packet, not loaded: the kernel did not ask for it; no such family", got[0].Detail)
	assert.Equal(t, wire.Absent, got[1].Verdict, "there is no module of IPV6")

	// A kernel that loads no modules has none.
	found := []wire.Finding{packet}
	assert.Equal(t, found, Modules{}.Judge(found, &wire.Hello{}))
	assert.Equal(t, found, Modules{}.Judge(found, nil))
	assert.Equal(t, found, Modules{Value: func(string) string { return "n" }}.Judge(found, hello))
}
