package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorded writes two runs, of which the older boots the ladder in another order. Only the older
// asks the probe lo/up on full.
func recorded(t *testing.T) Results {
	r := Results{Path: filepath.Join(t.TempDir(), "r.jsonl"), Damaged: func([]record.Damage) {}}
	for i, b := range []struct{ run, profile, init, probe string }{
		{"r1", "no-net", "", "lo/up"}, {"r1", "mine", "", ""}, {"r1", "full", "", "lo/up"}, {"r1", "full", "busybox", ""}, {"r2", "full", "", "lo/mtu"},
	} {
		rec := record.Record{
			ID: b.run + "/" + b.profile + b.init, Run: b.run, Profile: b.profile, Init: b.init, Series: "6.12", Outcome: record.Completed,
			Time: time.Unix(int64(i), 0), Findings: []wire.Finding{{ID: b.probe, Verdict: wire.Works}},
		}
		if b.init != "" {
			rec.Profile += "/" + b.init
		}
		require.NoError(t, record.Store{Path: r.Path}.Append(t.Context(), rec))
	}
	return r
}

func ids(records []record.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, r.ID)
	}
	return strings.Join(all, " ")
}

func TestSeveral(t *testing.T) {
	r := recorded(t)
	for args, want := range map[string]string{
		"": "r2/full", "r1 full": "r1/no-net r1/mine r1/full r1/fullbusybox r2/full", "full latest": "r2/full", "no-net r1/full": "r1/no-net r1/full",
	} {
		got, err := r.Several(false, strings.Fields(args)...)
		require.NoError(t, err)
		assert.Equal(t, want, ids(got), args)
	}
	_, err := r.Several(false, "full", "none")
	assert.ErrorAs(t, err, new(usage.Error))
	got, err := r.Several(true)
	require.NoError(t, err)
	assert.Equal(t, "r1/no-net r1/mine r2/full r1/fullbusybox", ids(got))
}

func TestChoose(t *testing.T) {
	r := recorded(t)
	for args, want := range map[string]struct {
		ids   string
		whole bool
	}{
		"":                   {"r2/full", true},
		"latest":             {"r2/full", true},
		"latest lo/up":       {"r2/full", true},
		"r1":                 {"r1/no-net r1/mine r1/full r1/fullbusybox", true},
		"r1 lo":              {"r1/no-net r1/full", true},
		"full":               {"r2/full", false},
		"full lo/up":         {"r1/full", false},
		"full lo/none":       {"r2/full", false},
		"r1/full lo/mtu":     {"r1/full", false},
		"full/busybox lo/up": {"r1/fullbusybox", false},
	} {
		got, whole, err := r.Choose(strings.Fields(args)...)
		require.NoError(t, err, args)
		assert.Equal(t, want.ids, ids(got), args)
		assert.Equal(t, want.whole, whole, args)
	}
	_, _, err := r.Choose("nobody")
	require.ErrorContains(t, err, `"nobody"; the latest run is r2`)
	assert.ErrorAs(t, err, &usage.Error{})
}

// A name alone means the newest record of any architecture, unless NETSTRIP_ARCH is set.
func TestChooseArchitecture(t *testing.T) {
	t.Setenv(arch.Env, "")
	r := recorded(t)
	for i, arch := range []string{"arm64", "riscv64"} {
		require.NoError(t, record.Store{Path: r.Path}.Append(t.Context(), record.Record{
			ID: arch + "/full", Run: "r2", Profile: "full", Series: "6.12", Arch: arch, Outcome: record.Completed, Time: time.Unix(int64(10+i), 0),
		}))
	}
	for _, tc := range [][3]string{
		{"full", "", "riscv64/full"}, {"full@arm64", "", "arm64/full"}, {"full@aarch64", "", "arm64/full"},
		{"full@x86_64", "", "r2/full"}, {"full@6.12-x86_64", "", "r2/full"}, {"full@6.12", "", "r2/full"},
		{"full", "arm64", "arm64/full"}, {"full", "x86_64", "r2/full"}, {"full@riscv64", "arm64", "riscv64/full"},
		{"no-net", "arm64", "r1/no-net"}, {"r1/full", "arm64", "r1/full"},
	} {
		t.Setenv(arch.Env, tc[1])
		got, _, err := r.Choose(tc[0])
		require.NoError(t, err, tc)
		assert.Equal(t, tc[2], ids(got), tc)
	}
}

func TestByLadder(t *testing.T) {
	records, err := recorded(t).Load(func(all []record.Record) []record.Record { return all[:4] })
	require.NoError(t, err)
	ByLadder(records)
	assert.Equal(t, "r1/full r1/fullbusybox r1/no-net r1/mine", ids(records))
}

func TestWords(t *testing.T) {
	r := recorded(t)
	words := r.Words()
	assert.Contains(t, words, "full\tits latest record, completed")
	assert.Contains(t, words, "r1\ta run")
	assert.Contains(t, words, "r1/mine\tcompleted")
	assert.Equal(t, []string{"lo/mtu"}, r.Words("full"))
	assert.Empty(t, r.Words("nobody"))
	assert.Empty(t, r.Words("full", "lo/mtu"))
	assert.Empty(t, Results{Path: r.Path + ".none"}.Words())
}

func TestUnusableResults(t *testing.T) {
	damaged := 0
	r := Results{Path: filepath.Join(t.TempDir(), "r.jsonl"), Damaged: func(d []record.Damage) { damaged += len(d) }}
	require.NoError(t, r.Check(), "there need be none")
	_, err := r.Load(record.Latest)
	require.ErrorContains(t, err, "netstrip run and netstrip apps make it")
	require.ErrorAs(t, err, &usage.Error{})
	require.NoError(t, os.WriteFile(r.Path, nil, 0o644))
	_, err = r.Load(record.Latest)
	require.EqualError(t, err, r.Path+" has no records; netstrip run adds some")
	require.NoError(t, os.WriteFile(r.Path, []byte("half\n"), 0o644))
	_, err = r.Load(record.Latest)
	require.EqualError(t, err, "no record in "+r.Path+" is intact")
	require.NoError(t, r.Check())
	assert.Equal(t, 2, damaged, "both told of it")
}
