// Package logfile reads console logs from files and standard input. It runs on the host.
package logfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Reading is the content of a log file.
type Reading struct {
	File    string          `json:"file"`
	Outcome console.Reading `json:"outcome"`
	Reason  string          `json:"reason"`
	Panic   string          `json:"panic,omitempty"`
	Task    string          `json:"task,omitempty"`
	Trace   []string        `json:"trace,omitempty"`
	Notices []string        `json:"notices,omitempty"`
	Faults  int             `json:"faults"`
	Banners int             `json:"banners"`
	Inits   int             `json:"inits"`
	Lines   int             `json:"lines"`
	Bytes   int             `json:"bytes"`
	Last    string          `json:"last,omitempty"`
}

// Readings are what was read of several files.
type Readings []Reading

// ReadAll reads files, or standard input if there is none. It returns what it could read with an
// error for each that is no kernel's console log, and nil if it was interrupted.
func ReadAll(ctx context.Context, p *progress.Printer, paths ...string) (Readings, error) {
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	all, missing := Readings{}, 0
	var wrong []error
	for _, path := range paths {
		r, err := Read(ctx, path, p)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if r.File != "" {
			all = append(all, r)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
		if errors.Is(err, fs.ErrNotExist) {
			missing++
		}
	}
	err := errors.Join(wrong...)
	if missing > 0 && missing == len(wrong) {
		err = usage.Error{Err: err}
	}
	return all, err
}

// Write writes them for people, except those that are no console log.
func (all Readings) Write(w io.Writer) error {
	separator := ""
	for _, r := range all {
		if r.Outcome == console.Unreadable {
			continue // the error says so
		}
		if _, err := io.WriteString(w, separator+r.text()); err != nil {
			return err
		}
		separator = "\n"
	}
	return nil
}

// Read reads the log in a file, or on standard input where path is "-", and shows progress.
// The error of a file that is not a kernel's console log comes with a Reading.
func Read(ctx context.Context, path string, p *progress.Printer) (Reading, error) {
	l, err := read(ctx, path, p)
	if err != nil {
		return Reading{}, err
	}
	verdict, reason := console.Judge(l)
	if verdict == console.Unreadable {
		l = console.Log{Lines: l.Lines, Bytes: l.Bytes}
		with := map[bool]string{true: "", false: " " + path}[path == "-"]
		err = fmt.Errorf("%s: not a kernel's console log: %s", name(path), strings.ReplaceAll(reason, " FILE", with))
	}
	return Reading{
		File: path, Outcome: verdict, Reason: reason, Panic: l.Panic, Task: l.PanicTask, Trace: l.Trace, Notices: l.Notices,
		Faults: l.Faults, Banners: l.Banners, Inits: l.Inits, Lines: l.Lines, Bytes: l.Bytes, Last: l.Last,
	}, err
}

// name is what a file is called in messages.
func name(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// text is what was read, for people.
func (r Reading) text() string {
	var b strings.Builder
	field := func(what, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-9s  %s\n", what, report.Escape(text, 300))
		}
	}
	fmt.Fprintln(&b, report.Escape(name(r.File), 300))
	field("outcome", string(r.Outcome))
	field("reason", r.Reason)
	field("task", r.Task)
	for _, fn := range r.Trace {
		field("trace", fn)
	}
	for _, n := range r.Notices {
		field("notice", n)
	}
	field("last line", r.Last)
	return b.String()
}

// read reads a regular file, or standard input, whatever that is. Reading a terminal or a pipe
// may take forever; an interruption ends it at once.
func read(ctx context.Context, path string, p *progress.Printer) (console.Log, error) {
	in, size := os.Stdin, int64(0)
	if path != "-" {
		f, err := file.Open(path)
		if err != nil {
			return console.Log{}, err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		in = f
	}
	type result struct {
		log console.Log
		err error
	}
	done := make(chan result, 1)
	go func() {
		l, err := console.ReadFrom(&counter{ctx: ctx, in: in, tell: func(n int64) {
			if size > 0 {
				p.State("reading %s: %d of %d MiB", report.Escape(path, 60), n>>20, size>>20)
			} else {
				p.State("reading %s: %d MiB", name(path), n>>20)
			}
		}})
		done <- result{l, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return r.log, fmt.Errorf("%s: %w", name(path), r.err)
		}
		return r.log, nil
	case <-ctx.Done():
		return console.Log{}, context.Cause(ctx)
	}
}

// counter reports how much of a log has been read.
type counter struct {
	ctx  context.Context
	in   io.Reader
	n    int64
	tell func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.in.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}
