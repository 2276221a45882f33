package plan

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/shard"
)

// made plans with the costs that are part of the program.
func made(t *testing.T, s Selection, shards int) *File {
	t.Helper()
	f, err := New(t.Context(), options(s, shards))
	require.NoError(t, err)
	return f
}

func options(s Selection, shards int) Options {
	return Options{Selection: s, Shards: shards, Jobs: 2, Profiles: func(_ source.Options, names ...string) (all []kconfigs.Profile, err error) {
		if len(names) == 0 {
			return kconfigs.Ladder(), nil
		}
		for _, n := range names {
			p, err := kconfigs.Lookup(n)
			if err != nil {
				return nil, usage.Error{Err: err}
			}
			all = append(all, p)
		}
		return all, nil
	}}
}

// boots returns the kernels of a plan with the IDs of their boots.
func boots(f *File) (all []string) {
	for _, k := range f.Kernels {
		line := k.Name + ":"
		for _, b := range k.Boots {
			_, name, _ := strings.Cut(b.ID, "/")
			line += " " + name
		}
		all = append(all, line)
	}
	return all
}

func TestSelections(t *testing.T) {
	usual := "@" + source.Usual()
	for name, tc := range map[string]struct {
		s    Selection
		want []string
	}{
		"the kernel of lo-down is that of full": {Selection{Names: []string{"full", "lo-down"}, Archs: "x86_64"}, []string{"full" + usual + ": full lo-down"}},
		"inits":                                 {Selection{Names: []string{"full", "full/busybox", "tiny/probe"}, Archs: "x86_64"}, []string{"full" + usual + ": full full/busybox", "tiny" + usual + ": tiny/probe"}},
		"inits of all":                          {Selection{Names: []string{"full", "full+apps"}, Inits: []string{"probe", "busybox"}, Archs: "x86_64"}, []string{"full" + usual + ": full/probe full/busybox", "full+apps" + usual + ": full+apps"}},
		"variants":                              {Selection{Names: []string{"tiny", "full@7.3-riscv64"}, Series: "6.1,6.12", Archs: "arm64"}, []string{"tiny@6.1-arm64: tiny", "full@7.3-riscv64: full", "tiny@6.12-arm64: tiny"}},
		"the ladder": {Selection{Series: "6.1", Archs: "x86_64"}, func() (all []string) {
			for _, p := range kconfigs.Ladder() {
				all = append(all, p.Name+"@6.1: "+p.Name)
			}
			return all
		}()},
	} {
		assert.Equal(t, tc.want, boots(made(t, tc.s, 0)), name)
	}
	all := boots(made(t, Selection{All: true}, 0))
	assert.Greater(t, len(all), 40)
	assert.Contains(t, all, "no-net@6.12: no-net/busybox no-net/probe no-net/u-root no-net")
	assert.Contains(t, all, "tiny@6.12-arm64: tiny")
	assert.Contains(t, all, "full+apps@6.1: full+apps")
	for _, s := range []Selection{{All: true, Names: []string{"full"}}, {All: true, Series: "6.1"}, {Names: []string{"fulll"}}, {Archs: "vax"}, {Names: []string{"full/sysv"}}} {
		_, err := New(t.Context(), options(s, 0))
		assert.ErrorAs(t, err, &usage.Error{}, "%+v", s)
	}
	_, err := New(t.Context(), options(Selection{}, -1))
	assert.ErrorAs(t, err, &usage.Error{})
}

// The longest shard is at most 1.25 times the mean, unless one kernel alone is longer.
func TestShardsAreAlike(t *testing.T) {
	for _, n := range []int{2, 3, 4, 8, 16, 64} {
		f := made(t, Selection{All: true}, n)
		require.Len(t, f.Shards, n)
		var seconds []float64
		names, sum := 0, 0.0
		for _, s := range f.Shards {
			seconds, sum, names = append(seconds, s.Seconds), sum+s.Seconds, names+len(s.Kernels)
		}
		assert.Equal(t, len(f.Kernels), names, "each kernel once")
		one := made(t, Selection{All: true}, 1)
		longest := 0.0
		for _, k := range one.Kernels {
			alone := k.First.Seconds + k.Next.Seconds
			for _, b := range k.Boots {
				alone += b.Seconds
			}
			longest = max(longest, alone/2)
		}
		assert.LessOrEqual(t, slices.Max(seconds), max(longest+0.01, sum/float64(n)*1.25), "%d shards", n)
	}
}

// A machine that follows the file does what the plan says, and refuses another number of shards.
func TestFile(t *testing.T) {
	f := made(t, Selection{Names: []string{"full", "no-net", "tiny"}, Archs: "x86_64"}, 2)
	data, err := json.Marshal(f)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(path, data, 0o644))
	got, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, f.Kernels, got.Kernels)
	var all []run.Assignment
	for _, g := range got.Groups {
		a, err := got.Assigned(g, shard.Shard{Index: 1, Of: 2})
		require.NoError(t, err)
		all = append(all, a)
		_, err = got.Assigned(g, shard.Shard{Index: 1, Of: 3})
		require.ErrorContains(t, err, "the plan has 2 shards, but this is shard 1 of 3")
	}
	require.Len(t, all, 1)
	assert.ElementsMatch(t, []int{1, 2}, slices.Compact(slices.Sorted(slices.Values(all[0]))))
	for text, says := range map[string]string{"": "reading the plan", "{}": "is not a plan", `{"kind":"shards","schema":2}`: "newer netstrip"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err := Read(path)
		require.ErrorContains(t, err, says)
		assert.ErrorAs(t, err, &usage.Error{})
	}
	_, err = Follow(t.Context(), path+".none", run.Options{})
	assert.ErrorAs(t, err, &usage.Error{})
}

func TestWrite(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, made(t, Selection{Names: []string{"full", "tiny"}, Archs: "x86_64"}, 3).Write(&out))
	assert.Contains(t, out.String(), "none: there are more shards than kernels")
	assert.Contains(t, out.String(), "2 kernels, 2 of them to build; 2 boots; on 2 cores the longest of 3 shards takes ")
	out.Reset()
	require.NoError(t, made(t, Selection{Names: []string{"full"}, Archs: "x86_64"}, 0).Write(&out))
	assert.Contains(t, out.String(), "8 min (guess)")
}
