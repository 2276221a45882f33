package kconfigcheck

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestCompare(t *testing.T) {
	finding := func(id string, v wire.Verdict) wire.Finding { return wire.Finding{ID: id, Verdict: v, Errno: "EINVAL"} }
	on := func(symbol string) bool { return symbol == "BPF_SYSCALL" || symbol == "NET_NS" }
	gone := []string{"NET", "UNIX"}
	c, err := Compare(gone, on, []wire.Finding{
		finding("socket/unix/stream", wire.Absent), // goes
		finding("kernel/audit", wire.Absent),       // off for another reason
		finding("netns/unshare", wire.Works),       // on
		finding("netns/abstract", wire.Absent),     // one of its two symbols goes
		finding("path/localhost", wire.Works),      // has no symbol
		finding("kernel/bpf/xdp", wire.Absent),     // on, but absent
		finding("kernel/tun", wire.Works),          // off, but works
	})
	require.NoError(t, err)
	assert.Equal(t, [3]int{2, 1, 2}, [3]int{c.Gone, c.Off, c.On})
	require.Len(t, c.Disagree, 2)
	assert.Equal(t, Disagreement{
		Probe: "kernel/bpf/xdp", Symbols: []string{"BPF_SYSCALL"}, On: true, Verdict: wire.Absent, Errno: "EINVAL",
		Why: "this type of program is under #ifdef CONFIG_NET (include/linux/bpf_types.h:4)",
	}, c.Disagree[0])
	assert.Equal(t, "kernel/tun", c.Disagree[1].Probe)
	assert.False(t, c.Disagree[1].On)

	_, err = Compare(gone, on, []wire.Finding{finding("new/probe", wire.Works)})
	assert.ErrorContains(t, err, "the symbols that new/probe needs are unknown")
	_, err = Compare(gone, on, []wire.Finding{finding("kernel/tun", wire.Inconclusive)})
	assert.ErrorContains(t, err, `kernel/tun is "inconclusive"`)
}

func TestOf(t *testing.T) {
	for id, want := range map[string][]string{
		"lo/addr4": {"INET"}, "kernel/9p": {"9P_FS", "NET_9P_FD"}, "path/localhost": nil, "none/such": nil,
		"app/redis/unix": {"UNIX"}, "app/git/none": nil, "app/redis/tcp4": {"INET"},
	} {
		assert.Equal(t, want, Of(id), id)
	}
}
