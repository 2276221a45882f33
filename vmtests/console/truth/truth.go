// Package truth scores the reader of console logs against logs whose content is known. It
// runs on the host, and needs no kernel and no guest.
package truth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/console/logfile"
)

// Truth is the known content of a log; for NAME.log it is in NAME.json beside it. A log with
// neither a panic nor a crash is clean.
type Truth struct {
	// About says what the log is an example of.
	About string `json:"about,omitempty"`
	// Outcome is how the boot ended; empty means that it is not checked.
	Outcome console.Reading `json:"outcome,omitempty"`
	// Panic is the text of the first panic, after "not syncing: "; empty means none.
	Panic string `json:"panic,omitempty"`
	// Task is the task that panicked, as "comm (pid n)". Trace are the functions of the
	// panic's call trace, innermost first, with or without offsets. An empty one is not
	// checked.
	Task  string   `json:"task,omitempty"`
	Trace []string `json:"trace,omitempty"`
	// Crash says that the kernel reports a fault. Notices are lines that must all be noted;
	// they imply a crash.
	Crash   bool     `json:"crash,omitempty"`
	Notices []string `json:"notices,omitempty"`
}

// Score counts the logs that were read correctly.
type Score struct {
	Logs  int `json:"logs"`
	Bytes int `json:"bytes"`
	// Named counts the panics whose text was read, Invented the logs without a panic in which one
	// was read, Noted the crashes without a panic that were noted, Bad the clean logs that were
	// called bad, Traces and Tasks those that were read correctly.
	Named    Measure `json:"panics_named"`
	Invented Measure `json:"panics_invented"`
	Noted    Measure `json:"crashes_noted"`
	Bad      Measure `json:"clean_called_bad"`
	Traces   Measure `json:"traces_right"`
	Tasks    Measure `json:"tasks_right"`
	// Speed is how fast the logs are read, in MB per second of processor time.
	Speed float64 `json:"mb_per_second"`
	// Wrong lists the mistakes, each after the name of its log.
	Wrong []string `json:"wrong"`
	// Bare are the logs without a truth, which do not count.
	Bare []string `json:"without_truth"`
}

// Measure is a count out of a total.
type Measure struct {
	N  int `json:"n"`
	Of int `json:"of"`
}

// String returns "3 of 4".
func (m Measure) String() string { return fmt.Sprintf("%d of %d", m.N, m.Of) }

// maxTruth bounds the file of a truth, in bytes.
const maxTruth = 1 << 20

// Dir scores every log of a directory that has a truth beside it, of which there must be one.
func Dir(ctx context.Context, dir string, p *progress.Printer) (Score, error) {
	var s Score
	if info, err := os.Stat(dir); err != nil {
		return s, usage.Error{Err: err}
	} else if !info.IsDir() {
		return s, usage.Errorf("%s is not a directory; netstrip console %s reads one log", dir, dir)
	}
	logs, err := fs.Glob(os.DirFS(dir), "*.log")
	if err != nil {
		return s, fmt.Errorf("listing logs: %w", err)
	}
	for i, name := range logs {
		logs[i] = filepath.Join(dir, name)
	}
	for _, path := range logs {
		t, err := read(strings.TrimSuffix(path, ".log") + ".json")
		if errors.Is(err, fs.ErrNotExist) {
			s.Bare = append(s.Bare, path)
			continue
		}
		if err != nil {
			return s, err
		}
		r, err := logfile.Read(ctx, path, p)
		if r.File == "" {
			return s, err
		}
		s.add(filepath.Base(path), t, r)
	}
	if s.Logs == 0 {
		return s, usage.Errorf("no NAME.log in %s has a NAME.json beside it; netstrip console --help describes it", dir)
	}
	s.Speed, err = speed(logs)
	return s, err
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
		return t, fmt.Errorf("%s: not the truth of a log: %w", path, err)
	}
	if err := d.Decode(new(any)); err != io.EOF {
		return t, fmt.Errorf("%s: not the truth of a log: something follows it", path)
	}
	return t, nil
}

// add scores one log.
func (s *Score) add(name string, t Truth, l logfile.Reading) {
	s.Logs++
	s.Bytes += l.Bytes
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
	if t.Task != "" && !s.Tasks.count(l.Task == t.Task) {
		wrong("want the task %q, got %q", t.Task, l.Task)
	}
	if len(t.Trace) > 0 && !s.Traces.count(slices.EqualFunc(t.Trace, l.Trace, sameFunction)) {
		wrong("want the trace %v, got %v", t.Trace, l.Trace)
	}
	if t.Outcome != "" && l.Outcome != t.Outcome {
		wrong("want the outcome %s, got %s", t.Outcome, l.Outcome)
	}
}

// count counts one more case, as a hit if is is true. It returns is.
func (m *Measure) count(is bool) bool {
	m.Of++
	if is {
		m.N++
	}
	return is
}

// sameFunction compares a known function, with or without an offset, with one that was read.
func sameFunction(want, got string) bool {
	name, _, _ := strings.Cut(got, "+")
	return want == got || want == name
}
