package truth

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const log = "[    0.000000] Linux version 6.12.1 (x)\n[    1.000000] BUG: a\n[    2.000000] BUG: a\n" +
	"[    3.000000] Kernel panic - not syncing: p\n[    3.000001] CPU: 0 PID: 7 Comm: t Not tainted\n[    3.000002] Call Trace:\n[    3.000003]  panic+0x1/0x2\n"

func write(t *testing.T, dir, name, text string) {
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
}

// Each wrong truth is reported in the right measure.
func TestScore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*")
	require.NoError(t, os.Mkdir(dir, 0o755))
	for name, truth := range map[string]string{
		"a-right":   `{"outcome": "panicked", "panic": "p", "task": "t (pid 7)", "trace": ["panic"], "notices": ["BUG: a"]}`,
		"b-offset":  `{"panic": "p", "trace": ["panic+0x1/0x2"]}`,
		"c-panic":   `{"panic": "q"}`,
		"d-none":    `{"crash": true}`,
		"e-task":    `{"panic": "p", "task": "t (pid 8)"}`,
		"f-trace":   `{"panic": "p", "trace": ["panic", "main"]}`,
		"g-notice":  `{"panic": "p", "notices": ["BUG: b"]}`,
		"h-outcome": `{"panic": "p", "outcome": "clean"}`,
		"i-clean":   `{}`,
	} {
		write(t, dir, name+".log", log)
		write(t, dir, name+".json", truth)
	}
	write(t, dir, "j-bare.log", log)
	s, err := Dir(t.Context(), dir, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{
		`c-panic.log: want the panic "q", got "p"`,
		`d-none.log: want no panic, got "p"`,
		`e-task.log: want the task "t (pid 8)", got "t (pid 7)"`,
		`f-trace.log: want the trace [panic main], got [panic+0x1/0x2]`,
		`g-notice.log: want the notice ["BUG: b"], got ["BUG: a (2 times)"]`,
		`h-outcome.log: want the outcome clean, got panicked`,
		`i-clean.log: want no panic, got "p"`,
		`i-clean.log: want it clean, got ["BUG: a (2 times)"]`,
	}, s.Wrong)
	assert.Equal(t, []string{filepath.Join(dir, "j-bare.log")}, s.Bare)
	assert.Equal(t, Measure{6, 7}, s.Named)
	assert.Equal(t, Measure{2, 2}, s.Invented)
	assert.Equal(t, Measure{1, 1}, s.Noted)
	assert.Equal(t, Measure{1, 1}, s.Bad)
	assert.Equal(t, Measure{2, 3}, s.Traces)
	assert.Equal(t, Measure{1, 2}, s.Tasks)
	assert.Equal(t, 9, s.Logs)
	assert.Positive(t, s.Speed)
}

func TestBadTruth(t *testing.T) {
	for _, text := range []string{"", "[]", `{"panick": "x"}`, `{"panic": 3}`, `{} {}`} {
		dir := t.TempDir()
		write(t, dir, "x.log", log)
		write(t, dir, "x.json", text)
		_, err := Dir(t.Context(), dir, nil)
		require.ErrorContains(t, err, "x.json: not the truth of a log: ", text)
	}
	bare := t.TempDir()
	write(t, bare, "x.log", log)
	for dir, want := range map[string]string{
		bare: "has a NAME.json beside it", filepath.Join(bare, "x.log"): "is not a directory", filepath.Join(bare, "none"): "no such file",
	} {
		_, err := Dir(t.Context(), dir, nil)
		require.ErrorContains(t, err, want)
		require.ErrorAs(t, err, &usage.Error{})
	}
}
