package bisect

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/search"
)

// lines returns the final .config of tiny with some lines.
func (k kernels) lines(t *testing.T, text string) *explain.ConfigState {
	t.Helper()
	f, err := kconfigs.ParseFragment("x.config", []byte(text))
	require.NoError(t, err)
	p, err := kconfigs.Lookup("tiny")
	require.NoError(t, err)
	req, err := p.With(f).Request()
	require.NoError(t, err)
	w, err := k.ConfigState(t.Context(), k.kconfig, req)
	require.NoError(t, err)
	return w
}

// TestRealChoices searches between ends that differ in the member of a choice (the usual TCP
// congestion control, net/ipv4/Kconfig) that is y. Either change alone implies the other, and
// selects no third member, whatever Kconfig's default is. The search ends although some
// candidates have no answer, and names the member.
func TestRealChoices(t *testing.T) {
	k := openKernels(t)
	const tcp = "CONFIG_NET=y\nCONFIG_INET=y\nCONFIG_TCP_CONG_ADVANCED=y\nCONFIG_TCP_CONG_CUBIC=y\n" +
		"CONFIG_TCP_CONG_BBR=y\nCONFIG_TCP_CONG_HTCP=y\n"
	members := []string{"DEFAULT_BBR", "DEFAULT_CUBIC", "DEFAULT_HTCP", "DEFAULT_RENO"}
	for _, c := range [][2]string{{"RENO", "CUBIC"}, {"CUBIC", "RENO"}, {"BBR", "HTCP"}} {
		from, to := "DEFAULT_"+c[0], "DEFAULT_"+c[1]
		first := k.lines(t, tcp+"CONFIG_"+from+"=y\n")
		last := k.lines(t, tcp+"CONFIG_"+to+"=y\nCONFIG_FHANDLE=y\nCONFIG_TIMERFD=y\n")
		d := New(Options{Kconfig: k.kconfig, First: first, Last: last, Question: Boot(), Suspects: []string{"FHANDLE", "TIMERFD"}})
		assert.ElementsMatch(t, []string{from, to, "FHANDLE", "TIMERFD"}, d.space.Changes)
		for _, set := range [][]string{{from}, {to}, {from, to}} {
			key, effective, err := d.space.settle(t.Context(), set)
			require.NoError(t, err)
			assert.ElementsMatch(t, []string{from, to}, effective)
			config, err := kconfigs.ParseConfig(d.space.texts[key])
			require.NoError(t, err)
			for _, name := range members {
				assert.Equal(t, name == to, config.Value(name) == "y", "%s with %v", name, set)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		asked := 0
		found, err := search.Run(ctx, d.space.Bisect, nil, func(_ context.Context, c search.Candidate, _ func() []search.Candidate) (v search.Reply, err error) {
			asked++
			switch {
			case slices.Contains(c.Effective, to):
				v.Answer = search.Fail
			case len(c.Set) == 0:
				v.Answer = search.Pass
			} // assume that the others do not compile
			return v, nil
		})
		cancel()
		require.NoError(t, err)
		assert.LessOrEqual(t, asked, 20)
		require.Len(t, found.Culprits, 1)
		assert.Len(t, found.Culprits[0].Changes, 1)
		assert.Subset(t, []string{from, to}, found.Culprits[0].Changes)
		assert.ElementsMatch(t, []string{from, to}, found.Culprits[0].Effective)
		assert.Contains(t, found.Doubt, "the last end without", "of which there is no answer")
	}
}

// TestRealChoiceThatComes has a choice that exists only at the last end. Where it is visible
// one member must be y: that of the last end, not Kconfig's default.
func TestRealChoiceThatComes(t *testing.T) {
	k := openKernels(t)
	const net = "CONFIG_NET=y\nCONFIG_INET=y\n"
	d := New(Options{Kconfig: k.kconfig, Question: Boot(), First: k.lines(t, net), Last: k.lines(t, net+
		"CONFIG_TCP_CONG_ADVANCED=y\nCONFIG_TCP_CONG_CUBIC=y\nCONFIG_TCP_CONG_HTCP=y\nCONFIG_DEFAULT_HTCP=y\n")})
	for _, name := range []string{"TCP_CONG_ADVANCED", "TCP_CONG_HTCP", "DEFAULT_HTCP"} {
		require.Contains(t, d.space.Changes, name)
	}
	key, _, err := d.space.settle(t.Context(), []string{"TCP_CONG_ADVANCED", "TCP_CONG_CUBIC", "TCP_CONG_HTCP"})
	require.NoError(t, err)
	config, err := kconfigs.ParseConfig(d.space.texts[key])
	require.NoError(t, err)
	assert.Equal(t, "y", config.Value("DEFAULT_HTCP"))
	assert.Equal(t, "n", config.Value("DEFAULT_CUBIC"))
}
