package kconfigcheck

import (
	"strings"
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
		finding("netns/abstract", wire.Absent),     // of two one goes
		finding("path/localhost", wire.Works),      // has no symbol
		finding("kernel/bpf/xdp", wire.Absent),     // on, and yet
		finding("kernel/tun", wire.Works),          // off, and yet
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
	assert.ErrorContains(t, err, "nothing says which new/probe stands for")
	_, err = Compare(gone, on, []wire.Finding{finding("kernel/tun", wire.Inconclusive)})
	assert.ErrorContains(t, err, `kernel/tun is "inconclusive"`)
}

// No line of the table stands in the shadow of one before it.
func TestTable(t *testing.T) {
	all := entries()
	require.NotEmpty(t, all)
	for i, e := range all {
		example := strings.ReplaceAll(e.glob, "*", "x")
		got, ok := of(all, example)
		assert.True(t, ok && got.glob == e.glob, "line %d, %s: what it is for is found at %s", i+1, e.glob, got.glob)
	}
}
