package record

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func planOf(run string, profiles ...string) Plan {
	p := Plan{Run: run}
	for _, name := range profiles {
		p.Boots = append(p.Boots, Boot{ID: run + "/" + name, Profile: name, Inputs: "i"})
	}
	return p
}

// of returns a record of a planned boot.
func of(run, profile string, o Outcome) Record {
	r := sample(run + "/" + profile)
	r.Run, r.Profile, r.Outcome = run, profile, o
	return r
}

// begin begins a run, appends records and closes it, as if its process had died.
func begin(t *testing.T, s Store, p Plan, records ...Record) {
	t.Helper()
	run, err := s.Begin(t.Context(), p)
	require.NoError(t, err)
	for _, r := range records {
		require.NoError(t, run.Append(t.Context(), r))
	}
	require.NoError(t, run.Close())
}

func TestResumeWhatIsMissing(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	_, ok, err := s.Resume()
	require.NoError(t, err)
	assert.False(t, ok, "there is no file")

	p := planOf("r1", "full", "no-inet", "no-net", "bare-net")
	p.Boots[0].Added = []Fragment{{Name: "mine.config", Text: "CONFIG_X=y\n"}}
	begin(t, s, p, of("r1", "no-net", Panicked), of("r1", "full", QEMUFailed), of("r1", "bare-net", ""))

	run, ok, err := s.Resume()
	require.NoError(t, err)
	require.True(t, ok)
	p.Schema, p.Kind = Schema, planKind
	assert.Equal(t, p, run.Plan)
	assert.Equal(t, []string{"r1/no-net"}, ids(run.Done), "any verdict counts; an infrastructure failure does not")
	assert.Equal(t, []int{0, 1, 3}, run.Missing())
	for _, i := range run.Missing() {
		require.NoError(t, run.Append(t.Context(), of("r1", p.Boots[i].Profile, Completed)))
	}
	require.NoError(t, run.Close())
	_, ok, err = s.Resume()
	require.NoError(t, err)
	assert.False(t, ok, "it is whole")

	records, damage, err := load(s.Path)
	require.NoError(t, err)
	assert.Empty(t, damage)
	runs := ByRun(records)
	require.Len(t, runs, 1)
	assert.Equal(t, []string{"r1/no-net", "r1/full", "r1/bare-net", "r1/no-inet"}, ids(runs[0]), "each once")
	for _, r := range runs[0][1:] {
		assert.Equal(t, Completed, r.Outcome, "the later line of %s counts", r.ID)
	}
	assert.Equal(t, Completed, Find(records, "r1/full")[0].Outcome)
	assert.Len(t, Find(records, "r1"), 4)
}

func TestResumeTakesTheLatestIdleRun(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	begin(t, s, planOf("r2", "full"))
	begin(t, s, planOf("r1", "full"))
	begin(t, s, planOf("r4", "full"), of("r4", "full", Completed))
	living, err := s.Begin(t.Context(), planOf("r3", "full"))
	require.NoError(t, err)

	run, ok, err := s.Resume()
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, "r2", run.Plan.Run, "r4 is whole and r3 is being run")
	second, ok, err := s.Resume()
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, "r1", second.Plan.Run, "r2 is being resumed")
	_, ok, err = s.Resume()
	require.NoError(t, err)
	assert.False(t, ok)

	require.NoError(t, living.Close())
	run, ok, err = s.Resume()
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, "r3", run.Plan.Run)
}

// A run in progress blocks neither appending nor loading.
func TestRunsShareAFile(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	one, err := s.Begin(t.Context(), planOf("r1", "full"))
	require.NoError(t, err)
	two, err := s.Begin(t.Context(), planOf("r2", "full"))
	require.NoError(t, err)
	require.NoError(t, one.Append(t.Context(), of("r1", "full", Completed)))
	require.NoError(t, two.Append(t.Context(), of("r2", "full", Completed)))
	require.NoError(t, s.Append(t.Context(), of("r3", "full", Completed)))
	records, damage, err := load(s.Path)
	require.NoError(t, err)
	assert.Empty(t, damage)
	assert.Len(t, records, 3)
}

// An append excludes others, and readers.
func TestAppendingIsExclusive(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	for name, do := range map[string]func() error{
		"append": func() error { return s.Append(t.Context(), sample("r1/a")) },
		"begin":  func() error { _, err := s.Begin(t.Context(), planOf("r1", "full")); return err },
		"load":   func() error { _, _, err := load(s.Path); return err },
	} {
		f, err := s.open()
		require.NoError(t, err)
		require.NoError(t, lock(t.Context(), f, unix.F_WRLCK, appendByte, nil))
		done := make(chan error, 1)
		go func() { done <- do() }()
		select {
		case err := <-done:
			t.Errorf("%s did not wait: %v", name, err)
			done <- nil
		case <-time.After(100 * time.Millisecond):
		}
		require.NoError(t, f.Close())
		assert.NoError(t, <-done)
	}
}

func TestAppendToAFileThatIsGone(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	run, err := s.Begin(t.Context(), planOf("r1", "full"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(s.Path))
	err = run.Append(t.Context(), of("r1", "full", Completed))
	require.EqualError(t, err, "storing the record r1/full: the results file "+s.Path+" was removed during the run")
	assert.NoFileExists(t, s.Path)
	require.NoError(t, os.WriteFile(s.Path, nil, 0o644))
	assert.ErrorContains(t, run.Append(t.Context(), of("r1", "full", Completed)), "was replaced")
}

// When Append returns the record is on disk.
func TestARecordIsCompleteBeforeTheNext(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	run, err := s.Begin(t.Context(), planOf("r1", "a", "b", "c"))
	require.NoError(t, err)
	for i, name := range []string{"a", "b", "c"} {
		require.NoError(t, run.Append(t.Context(), of("r1", name, Completed)))
		records, damage, err := load(s.Path)
		require.NoError(t, err)
		assert.Empty(t, damage)
		require.Len(t, records, i+1)
		assert.Equal(t, of("r1", name, Completed), records[i])
	}
}
