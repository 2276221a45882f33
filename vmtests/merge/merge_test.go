package merge

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
)

// names are the boots of the whole plan, in order.
var names = strings.Fields("full no-net tiny full/2")

// shards writes the results of shards 1 and 2, and returns their paths.
func shards(t *testing.T) []string {
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "a", "1.jsonl"), filepath.Join(dir, "b", "2.jsonl")}
	begin(t, paths[0], plan("r2", 1, 2, "full", "full/2"), "full", "full/2")
	begin(t, paths[1], plan("r1", 2, 2, "no-net", "tiny"), "tiny", "no-net") // in the order in which they ended
	return paths
}

func plan(run string, index, of int, own ...string) record.Plan {
	p := record.Plan{Run: run, Time: time.Unix(1000, 0).UTC(), Boots: []record.Boot{}, Shard: &record.Part{Index: index, Of: of}}
	boot := func(name string) record.Boot {
		profile, _, _ := strings.Cut(name, "/")
		return record.Boot{ID: run + "/" + name, Profile: profile, Inputs: "inputs of " + profile}
	}
	for _, name := range names {
		p.Shard.Whole = append(p.Shard.Whole, boot(name))
	}
	for _, name := range own {
		p.Boots = append(p.Boots, boot(name))
	}
	return p
}

func boot(run, name string) record.Record {
	profile, _, _ := strings.Cut(name, "/")
	r := record.Record{
		ID: run + "/" + name, Run: run, Profile: profile, Series: "6.12", Time: time.Unix(2000, 0).UTC(), Outcome: record.Completed,
		Reason: "a <reason>, \"quoted\"", Findings: []wire.Finding{{ID: "lo/up", Verdict: wire.Works, Detail: "1\x00 é"}},
		ConsoleLog: "console/" + strings.ReplaceAll(run+"-"+name, "/", "-") + ".log",
	}
	r.Kernel.Key, r.Initramfs.Key, r.Machine.QEMU, r.Machine.Accel = "k", "image+modules", "7.2", "tcg"
	return r
}

// begin writes a run and the records of some boots, as they are or changed.
func begin(t *testing.T, path string, p record.Plan, booted ...string) {
	t.Helper()
	beginChanged(t, path, p, func(*record.Record) {}, booted...)
}

func beginChanged(t *testing.T, path string, p record.Plan, change func(*record.Record), booted ...string) {
	t.Helper()
	run, err := record.Store{Path: path}.Begin(t.Context(), p)
	require.NoError(t, err)
	defer run.Close()
	for _, name := range booted {
		r := boot(p.Run, name)
		change(&r)
		log := filepath.Join(filepath.Dir(path), r.ConsoleLog)
		require.NoError(t, os.MkdirAll(filepath.Dir(log), 0o755))
		require.NoError(t, os.WriteFile(log, []byte("console of "+name), 0o644))
		require.NoError(t, run.Append(t.Context(), r))
	}
}

func merge(t *testing.T, partial bool, paths ...string) (*Result, []record.Record, error) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out", "all.jsonl")
	r, err := Files(paths, Options{Out: out, Partial: partial})
	if err != nil {
		left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*", "*"))
		assert.NoFileExists(t, out)
		assert.Empty(t, left)
		return r, nil, err
	}
	f, err := record.Store{Path: out}.Open()
	require.NoError(t, err)
	defer f.Close()
	assert.Empty(t, f.Damage)
	for _, rec := range f.Records {
		log, err := os.ReadFile(filepath.Join(filepath.Dir(out), rec.ConsoleLog))
		require.NoError(t, err)
		assert.Equal(t, "console of "+strings.TrimPrefix(rec.ID, rec.Run+"/"), string(log))
	}
	return r, f.Records, nil
}

// The merged file is what one machine writes, but for the name of the run.
func TestFiles(t *testing.T) {
	paths := shards(t)
	r, records, err := merge(t, false, paths...)
	require.NoError(t, err)
	assert.Equal(t, &Result{Boots: 4, PlannedBoots: 4, Shards: 2, PlannedShards: 2, Missing: []string{}, Notes: []string{}}, r)
	var want []record.Record
	for i, name := range names {
		w := boot("r1", name)
		w.Schema, w.ConsoleLog = record.Schema, records[i].ConsoleLog
		want = append(want, w)
	}
	assert.Equal(t, want, records)
	_, again, err := merge(t, false, paths[1], paths[0])
	require.NoError(t, err)
	assert.Equal(t, records, again, "whichever file is named first")
}

// A merged file is one run: nothing of it is left to resume.
func TestMergedRunIsComplete(t *testing.T) {
	paths := shards(t)
	out := filepath.Join(t.TempDir(), "all.jsonl")
	_, err := Files(paths, Options{Out: out})
	require.NoError(t, err)
	_, ok, err := record.Store{Path: out}.Resume()
	require.NoError(t, err)
	assert.False(t, ok)
	_, err = Files(paths, Options{Out: out})
	require.ErrorContains(t, err, "exists: merge writes a new file")
	require.NoError(t, os.Remove(out))
	_, err = Files(paths[:1], Options{Out: out, Partial: true})
	require.NoError(t, err)
	run, ok, err := record.Store{Path: out}.Resume()
	require.NoError(t, err)
	require.True(t, ok, "what is missing can be booted")
	defer run.Close()
	assert.Equal(t, []int{1, 2}, run.Missing())
}

// bad is something that prevents a merge.
type bad struct {
	change func(t *testing.T, paths []string) []string
	says   string
	is     error
	anyway bool // with --partial
}

// incomplete are results that lack something, or are damaged.
func incomplete() map[string]bad {
	return map[string]bad{
		"a shard is missing":    {func(_ *testing.T, p []string) []string { return p[:1] }, "shard 2 of 2 is missing", ErrIncomplete, true},
		"a file is missing":     {func(_ *testing.T, p []string) []string { return append(p, p[0]+".none") }, "no such file", nil, false},
		"a file is named twice": {func(_ *testing.T, p []string) []string { return append(p, p[0]) }, "is named twice", nil, false},
		"a boot is missing": {func(t *testing.T, p []string) []string {
			require.NoError(t, os.Remove(p[1]))
			begin(t, p[1], plan("r1", 2, 2, "no-net", "tiny"), "tiny")
			return p
		}, "lacks the boot no-net: shard 2 of 2 did not finish", ErrIncomplete, true},
		"a line is damaged": {func(t *testing.T, p []string) []string {
			data, err := os.ReadFile(p[0])
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(p[0], data[:len(data)-20], 0o644))
			return p
		}, "1.jsonl:3 is damaged: ", ErrIncomplete, true},
		"a line is damaged inside": {func(t *testing.T, p []string) []string {
			data, err := os.ReadFile(p[0])
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(p[0], bytes.Replace(data, []byte(`"findings":[`), []byte(`"findings";[`), 1), 0o644))
			return p
		}, "1.jsonl:2 is damaged: ", ErrIncomplete, true},
	}
}

// unlike are results that do not belong together.
func unlike() map[string]bad {
	return map[string]bad{
		"another compiler": {func(t *testing.T, p []string) []string {
			require.NoError(t, os.Remove(p[1]))
			other := plan("r1", 2, 2, "no-net", "tiny")
			other.Shard.Whole[1].Inputs = "another"
			begin(t, p[1], other, "no-net", "tiny")
			return p
		}, "2.jsonl differ: the source, the compiler, the fragments or the init of no-net", nil, false},
		"another number of shards": {func(t *testing.T, p []string) []string {
			require.NoError(t, os.Remove(p[1]))
			begin(t, p[1], plan("r1", 2, 3, "no-net", "tiny"), "no-net", "tiny")
			return p
		}, "differ: 2 shards and 3", nil, false},
		"two disagree": {func(t *testing.T, p []string) []string {
			third := p[1] + "again.jsonl"
			beginChanged(t, third, plan("r3", 2, 2, "no-net", "tiny"), func(r *record.Record) { r.Findings[0].Verdict, r.Findings[0].Errno = wire.Absent, "ENOSYS" }, "tiny")
			return append(p, third)
		}, "tiny: two shards disagree: lo/up: works in ", ErrDiffers, false},
		"another initramfs": {func(t *testing.T, p []string) []string {
			require.NoError(t, os.Remove(p[1]))
			beginChanged(t, p[1], plan("r1", 2, 2, "no-net", "tiny"), func(r *record.Record) { r.Initramfs.Key = "other" }, "no-net", "tiny")
			return p
		}, "booted different initramfs", nil, false},
		"no shard": {func(t *testing.T, p []string) []string {
			whole := plan("r4", 1, 1)
			whole.Shard, whole.Boots = nil, whole.Shard.Whole
			begin(t, p[1], whole)
			return p
		}, "the run r4 is not a shard's", nil, false},
		"records without a plan": {func(t *testing.T, p []string) []string {
			require.NoError(t, record.Store{Path: p[1]}.Append(t.Context(), boot("r9", "full")))
			return p
		}, "the plan of the run r9 is missing", ErrIncomplete, true},
		"a console log elsewhere": {func(t *testing.T, p []string) []string {
			require.NoError(t, os.Remove(p[1]))
			beginChanged(t, p[1], plan("r1", 2, 2, "no-net", "tiny"), func(r *record.Record) { r.ConsoleLog = "console/../../x.log" }, "no-net", "tiny")
			return p
		}, "is not in the directory console", nil, false},
		"a console log is missing": {func(t *testing.T, p []string) []string {
			require.NoError(t, os.RemoveAll(filepath.Join(filepath.Dir(p[0]), "console")))
			return p
		}, "no such file", nil, false},
	}
}

func TestNotMerged(t *testing.T) {
	all := incomplete()
	maps.Copy(all, unlike())
	for name, tc := range all {
		t.Run(name, func(t *testing.T) {
			paths := tc.change(t, shards(t))
			_, _, err := merge(t, false, paths...)
			require.ErrorContains(t, err, tc.says)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			if tc.anyway {
				r, records, err := merge(t, true, paths...)
				require.NoError(t, err)
				assert.Contains(t, strings.Join(r.Missing, "\n"), tc.says)
				assert.NotEmpty(t, records)
				assert.Equal(t, len(records), r.Boots)
			}
		})
	}
}

// A shard that was killed and started again is one, and an empty one counts.
func TestStartedAgain(t *testing.T) {
	paths := shards(t)
	begin(t, paths[0], plan("r7", 1, 2, "full", "full/2"), "full")
	require.NoError(t, os.Remove(paths[1]))
	beginChanged(t, paths[1], plan("r5", 2, 2, "no-net", "tiny"), func(r *record.Record) { r.Outcome = record.QEMUFailed }, "tiny")
	begin(t, paths[1], plan("r6", 2, 2, "no-net", "tiny"), "no-net", "tiny")
	r, records, err := merge(t, false, paths...)
	require.NoError(t, err)
	assert.Equal(t, 4, r.Boots)
	for _, rec := range records {
		assert.Equal(t, record.Completed, rec.Outcome)
	}
	names = strings.Fields("full")
	defer func() { names = strings.Fields("full no-net tiny full/2") }()
	dir := t.TempDir()
	begin(t, dir+"/1.jsonl", plan("r1", 1, 2, "full"), "full")
	begin(t, dir+"/2.jsonl", plan("r2", 2, 2))
	r, records, err = merge(t, false, dir+"/1.jsonl", dir+"/2.jsonl")
	require.NoError(t, err)
	assert.Len(t, records, 1)
	assert.Equal(t, 2, r.Shards)
}

// Two groups, as of two architectures, are two runs.
func TestGroups(t *testing.T) {
	paths := shards(t)
	for i, path := range paths {
		other := plan(fmt.Sprintf("s%d", i+1), i+1, 2, [][]string{{"full", "full/2"}, {"no-net", "tiny"}}[i]...)
		for n := range other.Shard.Whole {
			other.Shard.Whole[n].Inputs = "arm64"
		}
		begin(t, path, other, [][]string{{"full", "full/2"}, {"no-net", "tiny"}}[i]...)
	}
	r, records, err := merge(t, false, paths...)
	require.NoError(t, err)
	assert.Equal(t, 8, r.Boots)
	assert.Len(t, record.ByRun(records), 2)
}

func TestUsage(t *testing.T) {
	_, err := Files([]string{filepath.Join(t.TempDir(), "none")}, Options{Out: "x"})
	assert.ErrorAs(t, err, &usage.Error{})
}
