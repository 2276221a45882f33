package rename

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kernel returns the definitions of a kernel like the one that the table was made from.
func kernel(t *testing.T) []Entry {
	t.Helper()
	p, ok := readPlaces()["PACKET"]
	require.True(t, ok)
	return []Entry{
		{"NET_X", "bool", "net/Kconfig", 7, "Something else"},
		{p.after, "tristate", p.File, 30, "Packet: sockets monitoring interface"},
		{"PACKET", p.Type, p.File, 6, p.Prompt},
		{"UNIX", "bool", "net/unix/Kconfig", 6, "Unix domain sockets"},
	}
}

func TestFind(t *testing.T) {
	find := func(change func(all []Entry) []Entry) string {
		m, ok := Find("PACKET", change(kernel(t)))
		if !ok {
			return ""
		}
		return m.String()
	}
	renamed := func(all []Entry) []Entry { all[2].Symbol = "AF_RAW_TAP"; return all }
	assert.Empty(t, find(func(all []Entry) []Entry { return all }), "it is there")
	assert.Equal(t, `; here it is called AF_RAW_TAP, which has its prompt, "Packet socket", and its place, net/packet/Kconfig:6`, find(renamed))
	assert.Equal(t, `; here it may be called AF_RAW_TAP (net/Kconfig:9), which has its prompt, "Packet socket"`, find(func(all []Entry) []Entry {
		all = renamed(all)
		all[2].File, all[2].Line = "net/Kconfig", 9
		return all
	}))
	assert.Equal(t, "; here it may be called AF_RAW_TAP, which is in its place, net/packet/Kconfig:6", find(func(all []Entry) []Entry {
		all = renamed(all)
		all[2].Prompt = "Raw taps"
		return all
	}))
	assert.Empty(t, find(func(all []Entry) []Entry {
		all = renamed(all)
		all[2].Type = "string"
		return all
	}), "of another type")
	assert.Empty(t, find(func(all []Entry) []Entry { return append(all[:2], all[3]) }), "it was removed")
	assert.Empty(t, find(func(all []Entry) []Entry {
		all = renamed(all)
		all[2].File, all[3].Prompt = "net/Kconfig", all[2].Prompt
		all[3].Type = all[2].Type
		return all
	}), "two have its prompt")
	_, ok := Find("NO_SUCH_SYMBOL", kernel(t))
	assert.False(t, ok)
}
