package guest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// FuzzEvents checks for any input on the event channel that only "done" completes it, and that a
// record of the events can be stored, read again and shown.
func FuzzEvents(f *testing.F) {
	streams, err := filepath.Glob("testdata/events/*.jsonl")
	require.NoError(f, err)
	require.NotEmpty(f, streams)
	for _, name := range streams {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
		for line := range bytes.Lines(data) {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"kind":"finding","finding":{"id":"a\u001b[2J\u202e","verdict":"works","value":"\u0000","numbers":{"x":1e300}}}}` + "\n" + done))
	f.Add([]byte(done + done + "\xff\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		boot := newBoot(Guest{}, nil)
		boot.decoder.read(bytes.NewReader(data))
		n := boot.decoder.events
		if boot.decoder.done {
			n--
		}
		require.Equal(t, boot.decoder.done, boot.Phases.Done > 0)
		require.LessOrEqual(t, len(boot.Findings), n)
		require.LessOrEqual(t, n, bytes.Count(data, []byte("\n")))
		storedAndShown(t, boot.Result)
	})
}

// storedAndShown encodes, decodes and shows a record of what a guest sent.
func storedAndShown(t *testing.T, r Result) {
	t.Helper()
	rec := record.Record{
		Schema: record.Schema, ID: "r/p", Run: "r", Profile: "p", Outcome: record.Completed,
		Hello: r.Hello, Findings: r.Findings, Running: r.Running,
	}
	line, err := json.Marshal(rec)
	require.NoError(t, err)
	var again record.Record
	require.NoError(t, json.Unmarshal(line, &again))
	line2, err := json.Marshal(again)
	require.NoError(t, err)
	require.Equal(t, string(line), string(line2))

	var shown strings.Builder
	require.NoError(t, report.Show(&shown, rec, ""))
	require.NoError(t, report.Table(&shown, []record.Record{rec}, report.TableOptions{}))
	require.NoError(t, report.Table(&shown, []record.Record{rec}, report.TableOptions{Format: table.Format{Markdown: true}}))
	require.NoError(t, report.Summary(&shown, []record.Record{rec}, report.TableOptions{}))
	require.NoError(t, table.JSON(&shown, rec))
	rec.Series, rec.Profile = "6.12", "full" // a profile with an expectation
	devs, err := expect.Deviations(rec)
	require.NoError(t, err)
	for _, d := range devs {
		shown.WriteString(d.String())
	}
	for _, c := range shown.String() {
		require.True(t, c == '\n' || unicode.IsPrint(c), "%U is shown", c)
	}
}

// The largest possible record can be stored: a guest sends and prints as much as it may, in the
// bytes that grow most when written as JSON.
func TestTheLargestRecordIsStored(t *testing.T) {
	const head = `{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"kind":"finding","finding":{"id":"x","verdict":"works","detail":"`
	line := head + strings.Repeat("\xff", wire.MaxLine-len(head)-len(`"}}}`)-1) + `"}}}` + "\n"
	require.Len(t, line, wire.MaxLine)
	sent := decode(line + done).sent
	require.Len(t, sent, 1)
	rec := record.Record{ID: "r/p", Run: "r", Profile: "p"}
	for range wire.MaxBytes / len(line) { // as many as the decoder takes
		rec.Findings = append(rec.Findings, *sent[0].Finding)
	}
	require.Greater(t, len(rec.Findings), 250)
	var log strings.Builder
	log.WriteString("[    0.000000] Linux version 6.12\n")
	for i := range 30 {
		fmt.Fprintf(&log, "[    1.000000] BUG: %c %s\n", 'a'+i, strings.Repeat("\"", maxConsole/31))
	}
	log.WriteString("[    1.000000] Kernel panic - not syncing: " + strings.Repeat("\xff", maxConsole/31))
	l := console.Read([]byte(log.String()))
	require.Greater(t, len(l.Notices), 10)
	rec.Outcome, rec.Reason = console.Classify(l, console.Facts{Running: strings.Repeat("\xff", wire.MaxLine)})
	rec.Notices = l.Notices

	store := record.Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	require.NoError(t, store.Append(t.Context(), rec))
	info, err := os.Stat(store.Path)
	require.NoError(t, err)
	assert.Greater(t, info.Size(), int64(2*wire.MaxBytes), "it was meant to grow")
	results, err := store.Open()
	require.NoError(t, err)
	defer results.Close()
	got, damage, err := results.Read(results.Records)
	require.NoError(t, err)
	assert.Empty(t, append(damage, results.Damage...))
	require.Len(t, got, 1)
	assert.Len(t, got[0].Findings, len(rec.Findings))
}

// The console is bounded, with or without line ends.
func TestConsoleIsBounded(t *testing.T) {
	for name, chunk := range map[string]string{"lines": strings.Repeat("x", 99) + "\n", "no line": strings.Repeat("x", 100)} {
		c := &capture{progress: func(bool) {}, reached: func(Milestone) {}}
		c.read(strings.NewReader(strings.Repeat(chunk, maxConsole/len(chunk))))
		assert.False(t, c.flooded(), name)
		c.read(strings.NewReader(strings.Repeat(chunk, 2)))
		assert.True(t, c.flooded(), name)
		assert.LessOrEqual(t, c.log.Len(), maxConsole, name)
	}
}
