// Package truth holds what was read from console logs against what is known of them, log
// by log. It runs on the host, and needs no kernel and no guest.
package truth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/vmtests/console"
)

// Truth is what is known of a log. It stands beside the log NAME.log as NAME.json. A log
// of which it says neither a panic nor a crash is clean.
type Truth struct {
	// About says what the log is an example of, for a reader.
	About string `json:"about,omitempty"`
	// Outcome is the verdict on the log; empty means that it is not asked for.
	Outcome console.Reading `json:"outcome,omitempty"`
	// Panic is the text of the first panic, after "not syncing: "; empty means none.
	Panic string `json:"panic,omitempty"`
	// Task is the task that panicked, as "comm (pid n)". Trace are the functions of the
	// panic's own call trace, innermost first, with offsets or without. Where either is
	// empty it is not asked for.
	Task  string   `json:"task,omitempty"`
	Trace []string `json:"trace,omitempty"`
	// Crash: the kernel reports a fault of its own. Notices are lines that must be noted,
	// all of them; they imply a crash.
	Crash   bool     `json:"crash,omitempty"`
	Notices []string `json:"notices,omitempty"`
}

// Score is how many logs were read right, and of how many.
type Score struct {
	Logs, Bytes int
	// Named are the panics of which the text was read; Invented the logs without a panic
	// in which one was read; Noted the crashes without a panic that were noted; Bad the clean logs
	// that were called bad; Traces the traces that were read right, and Tasks the tasks.
	Named, Invented, Noted, Bad, Traces, Tasks Measure
	// Wrong says of each log that was not read right what is wrong, by name.
	Wrong []string
	// Bare are the logs without a truth, which are not counted.
	Bare []string
}

// Measure is how many, and of how many.
type Measure struct {
	N  int `json:"n"`
	Of int `json:"of"`
}

// String is "3 of 4".
func (m Measure) String() string { return fmt.Sprintf("%d of %d", m.N, m.Of) }

// Right reports whether every log was read right.
func (s Score) Right() bool { return len(s.Wrong) == 0 }

// maxTruth bounds the file of a truth.
const maxTruth = 1 << 20

// Dir scores every log of a directory that has a truth beside it. Each, if set, is told
// of every log before it is read.
func Dir(dir string, each func(log string)) (Score, error) {
	logs, err := filepath.Glob(filepath.Join(escaped(dir), "*.log"))
	if err != nil {
		return Score{}, fmt.Errorf("listing logs: %w", err)
	}
	var s Score
	for _, path := range logs {
		if each != nil {
			each(path)
		}
		t, err := read(strings.TrimSuffix(path, ".log") + ".json")
		if errors.Is(err, fs.ErrNotExist) {
			s.Bare = append(s.Bare, path)
			continue
		}
		if err != nil {
			return s, err
		}
		l, err := readLog(path)
		if err != nil {
			return s, err
		}
		s.add(filepath.Base(path), t, l)
	}
	return s, nil
}

// escaped is a directory's name as filepath.Glob takes it literally.
func escaped(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

func readLog(path string) (console.Log, error) {
	f, err := file.Open(path)
	if err != nil {
		return console.Log{}, err
	}
	defer f.Close()
	l, err := console.ReadFrom(f)
	if err != nil {
		return l, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func read(path string) (Truth, error) {
	data, err := file.Read(path, maxTruth)
	if err != nil {
		return Truth{}, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var t Truth
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("%s: no truth of a log: %w", path, err)
	}
	if err := d.Decode(new(any)); err != io.EOF {
		return t, fmt.Errorf("%s: no truth of a log: something follows it", path)
	}
	return t, nil
}

// add takes up one log.
func (s *Score) add(name string, t Truth, l console.Log) {
	s.Logs++
	s.Bytes += l.Bytes
	verdict, _ := console.Judge(l)
	if verdict == console.Unreadable {
		l = console.Log{Bytes: l.Bytes}
	}
	wrong := func(format string, args ...any) {
		s.Wrong = append(s.Wrong, name+": "+fmt.Sprintf(format, args...))
	}
	crash := t.Crash || len(t.Notices) > 0
	var missing []string
	for _, n := range t.Notices {
		if !slices.ContainsFunc(l.Notices, func(got string) bool {
			return got == n || strings.HasPrefix(got, n+" (") && strings.HasSuffix(got, " times)")
		}) {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		wrong("want the notice %q, got %q", missing, l.Notices)
	}
	switch {
	case t.Panic != "":
		if !s.Named.count(l.Panic == t.Panic) {
			wrong("want the panic %q, got %q", t.Panic, l.Panic)
		}
	case s.Invented.count(l.Panic != ""):
		wrong("want no panic, got %q", l.Panic)
	}
	switch {
	case t.Panic != "":
	case crash && !s.Noted.count(len(missing) == 0 && l.Faults > 0):
		if len(missing) == 0 {
			wrong("want a crash noted, got none")
		}
	case !crash && t.Outcome != console.Unreadable && s.Bad.count(l.Panic != "" || l.Faults > 0):
		wrong("want it clean, got %q", l.Notices)
	}
	if t.Task != "" && !s.Tasks.count(l.PanicTask == t.Task) {
		wrong("want the task %q, got %q", t.Task, l.PanicTask)
	}
	if len(t.Trace) > 0 && !s.Traces.count(slices.EqualFunc(t.Trace, l.Trace, sameFunction)) {
		wrong("want the trace %v, got %v", t.Trace, l.Trace)
	}
	if t.Outcome != "" && verdict != t.Outcome {
		wrong("want the outcome %s, got %s", t.Outcome, verdict)
	}
}

// count counts a log, and returns whether it is one of those looked for.
func (m *Measure) count(is bool) bool {
	m.Of++
	if is {
		m.N++
	}
	return is
}

// sameFunction compares a function as it is known with one that was read.
func sameFunction(want, got string) bool {
	name, _, _ := strings.Cut(got, "+")
	return want == got || want == name
}
