package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/console/truth"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) consoleCommand() *cobra.Command {
	f := &flags{}
	score := ""
	c := &cobra.Command{
		Use: "console [FILE...]",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a.progress = progress.New(a.stderr)
			switch {
			case cmd.Flags().Changed("score") && len(args) > 0:
				return usagef("--score takes no FILE; unexpected: %q", args)
			case cmd.Flags().Changed("score"):
				return a.score(cmd.Context(), f, score)
			}
			return a.console(cmd.Context(), f, args)
		},
	}
	f.addJSON(c)
	c.Flags().StringVar(&score, "score", "", "compare what is read from each log in `DIR` with the expected reading beside it")
	_ = c.MarkFlagDirname("score")
	return c
}

// reading is what was read of one file, as --json has it.
type reading struct {
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

// console reads the files named, or standard input.
func (a *app) console(ctx context.Context, f *flags, paths []string) error {
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	readings := []reading{}
	var wrong, missing []error
	for _, path := range paths {
		l, err := a.readLog(ctx, path)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				missing = append(missing, err)
			}
			wrong = append(wrong, err)
			continue
		}
		verdict, reason := console.Judge(l)
		if verdict == console.Unreadable {
			l = console.Log{Lines: l.Lines, Bytes: l.Bytes}
			with := map[bool]string{true: "", false: " " + path}[path == "-"]
			wrong = append(wrong, fmt.Errorf("%s: not a kernel's console log: %s", name(path), strings.ReplaceAll(reason, " FILE", with)))
		}
		readings = append(readings, reading{
			File: path, Outcome: verdict, Reason: reason, Panic: l.Panic, Task: l.PanicTask, Trace: l.Trace, Notices: l.Notices,
			Faults: l.Faults, Banners: l.Banners, Inits: l.Inits, Lines: l.Lines, Bytes: l.Bytes, Last: l.Last,
		})
	}
	if err := a.writeReadings(f, readings); err != nil {
		return err
	}
	if err := errors.Join(wrong...); len(missing) < len(wrong) {
		return err
	} else if err != nil {
		return usageError{err}
	}
	return nil
}

// name is what a file is called in messages.
func name(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

func (a *app) writeReadings(f *flags, readings []reading) error {
	if f.json {
		return table.JSON(a.stdout, readings)
	}
	shown := 0
	for _, r := range readings {
		if r.Outcome == console.Unreadable {
			continue // the error says so
		}
		if shown++; shown > 1 {
			fmt.Fprintln(a.stdout)
		}
		if err := writeReading(a.stdout, r); err != nil {
			return err
		}
	}
	return nil
}

func writeReading(w io.Writer, r reading) error {
	var b strings.Builder
	field := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-9s  %s\n", name, report.Escape(text, 300))
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
	_, err := io.WriteString(w, b.String())
	return err
}

// readLog reads a regular file, or standard input, whatever that is. A read of a terminal
// or a pipe may wait for ever, and an interruption must not.
func (a *app) readLog(ctx context.Context, path string) (console.Log, error) {
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
				a.progress.State("reading %s: %d of %d MiB", report.Escape(path, 60), n>>20, size>>20)
			} else {
				a.progress.State("reading %s: %d MiB", name(path), n>>20)
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

// counter tells how much has been read of a log.
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

// score compares what is read from a directory's logs with what is known of them.
func (a *app) score(ctx context.Context, f *flags, dir string) error {
	if info, err := os.Stat(dir); err != nil {
		return usageError{err}
	} else if !info.IsDir() {
		return usagef("%s is not a directory; netstrip console %s reads one log", dir, dir)
	}
	s, err := truth.Dir(dir, func(log string) { a.progress.State("reading %s", report.Escape(log, 60)) })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	if s.Logs == 0 {
		return usagef("no NAME.log in %s has a NAME.json beside it; netstrip console --help describes it", dir)
	}
	speed, err := truth.Speed(dir)
	if err != nil {
		return err
	}
	if err := a.writeScore(f, s, speed); err != nil {
		return err
	}
	if !s.Right() {
		return differsError{fmt.Errorf("wrong readings of the logs in %s: %d", dir, len(s.Wrong))}
	}
	return nil
}

func (a *app) writeScore(f *flags, s truth.Score, speed float64) error {
	if f.json {
		return table.JSON(a.stdout, map[string]any{
			"logs": s.Logs, "bytes": s.Bytes, "panics_named": s.Named, "panics_invented": s.Invented, "crashes_noted": s.Noted,
			"clean_called_bad": s.Bad, "traces_right": s.Traces, "tasks_right": s.Tasks, "mb_per_second": speed,
			"wrong": s.Wrong, "without_truth": s.Bare,
		})
	}
	var b strings.Builder
	for _, w := range s.Wrong {
		fmt.Fprintln(&b, report.Escape(w, 1000))
	}
	for _, row := range []struct {
		name string
		m    truth.Measure
	}{
		{"panics named", s.Named}, {"panics invented", s.Invented}, {"crashes without a panic noted", s.Noted},
		{"clean logs called bad", s.Bad}, {"traces of the panic right", s.Traces}, {"tasks right", s.Tasks},
	} {
		fmt.Fprintf(&b, "%-30s %s\n", row.name, row.m)
	}
	fmt.Fprintf(&b, "%-30s %.0f MB in a second of processor time; %d logs, %d bytes\n", "speed", speed, s.Logs, s.Bytes)
	if n := len(s.Bare); n > 0 {
		fmt.Fprintf(&b, "%-30s %d logs, not counted; the first is %s\n", "without a truth", n, report.Escape(cmp.Or(s.Bare...), 300))
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}
