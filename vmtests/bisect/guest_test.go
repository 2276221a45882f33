package bisect

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/search"
)

// A kernel to boot gets what the guest needs; one for a command does not.
func TestCommandsTakeConfigsAsTheyAre(t *testing.T) {
	const text = "CONFIG_64BIT=y\n# CONFIG_PCI_MSI is not set\n"
	for _, c := range []struct {
		q    Question
		want bool
	}{{Command("true"), false}, {Boot(), true}} {
		d := &Driver{Options: Options{Question: c.q, Name: "x"}, space: &space{texts: map[string][]byte{"k": []byte(text)}}}
		req, err := d.profile("x.1", search.Candidate{Key: "k"}).Request()
		require.NoError(t, err)
		assert.Equal(t, text, req.Start.Text)
		assert.Equal(t, c.want, len(req.Settings) > 0, c.q.Text)
	}
}

// The result lists what was not searched, and no more.
func TestUnseenIsTold(t *testing.T) {
	g := &configdiff.Guest{
		Forced: []configdiff.Forced{{Change: configdiff.Change{Symbol: "PCI_MSI", From: "y", To: "n"}, Needs: "y"}},
		Hidden: []configdiff.Change{{Symbol: "GENERIC_MSI_IRQ", From: "y", To: "n"}},
		Added:  []configdiff.Change{{Symbol: "BLK_MQ_PCI", From: "n", To: "y"}},
	}
	var text strings.Builder
	require.NoError(t, Cause{Guest: g, First: "a", Last: "b"}.Write(&text))
	assert.Contains(t, text.String(), "\nnot searched: PCI_MSI y -> n: the guest needs y, so boots here cannot show it\n"+
		"not searched: 1 other symbol is equal in both kernels because of what the guest needs, so boots here cannot show it: GENERIC_MSI_IRQ y -> n\ncost ")
	assert.NotContains(t, text.String(), "BLK_MQ_PCI")
}
