//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
)

const (
	// childArg, as the first argument, makes this program run the probes named after it.
	childArg = "run"
	// childFD is the descriptor to which a child writes its findings.
	childFD = 3
	// lineLimit bounds a finding, so that it stays below wire.MaxLine with its envelope.
	lineLimit = wire.MaxLine / 2
	// chatterLimit bounds what else a child may print.
	chatterLimit = 256 << 10
	// detailLimit bounds the detail made of a child's output.
	detailLimit = 2000
)

// task is a probe to run.
type task struct {
	id     string
	family string // the tasks of a family share a child
	limit  time.Duration
}

// supervisor runs probes in child processes and reports a finding for every one of them, however
// the child ends.
type supervisor struct {
	// command returns the command that runs the probes ids, in their order.
	command func(ids []string) *exec.Cmd
	// start is called when a probe begins, found with what it found.
	start func(id string)
	found func(wire.Finding)
}

// run runs the tasks in one child. After a probe that ended its child, it runs the rest in another.
func (s supervisor) run(tasks []task) {
	for len(tasks) > 0 {
		tasks = tasks[s.child(tasks):]
	}
}

// child runs one child and returns how many tasks that settled: at least one.
func (s supervisor) child(tasks []task) int {
	var ids []string
	for _, t := range tasks {
		ids = append(ids, t.id)
	}
	s.start(ids[0])
	begin := time.Now()
	c, err := startChild(s.command(ids))
	if err != nil {
		s.found(lost(ids[0], begin, err.Error()))
		return 1
	}
	defer c.kill()
	for i, t := range tasks {
		if i > 0 {
			begin = time.Now()
			s.start(t.id)
		}
		f, cause := c.finding(t)
		if cause != "" {
			c.kill()
			s.found(lost(t.id, begin, cause+c.lastWords()))
			return i + 1
		}
		s.found(f)
	}
	return len(tasks)
}

// lost returns the finding of a probe that sent none.
func lost(id string, begin time.Time, cause string) wire.Finding {
	if len(cause) > detailLimit {
		cause = cause[:detailLimit]
	}
	return wire.Finding{
		ID: id, Verdict: wire.Inconclusive, Detail: cause,
		Micros: time.Since(begin).Microseconds(),
	}
}

// finding waits for the finding of one task. The cause says why none came.
func (c *child) finding(t task) (f wire.Finding, cause string) {
	timer := time.NewTimer(t.limit)
	defer timer.Stop()
	select {
	case l := <-c.lines:
		if l.err == io.EOF {
			return f, "the probe's process ended: " + c.end()
		}
		if l.err != nil {
			return f, l.err.Error()
		}
		return parseFinding(l.text, t.id)
	case <-c.chatter.over:
		return f, fmt.Sprintf("the probe printed more than %d bytes", chatterLimit)
	case <-timer.C:
		return f, fmt.Sprintf("the probe hung: killed after %v", t.limit)
	}
}

// parseFinding reads a child's line, which must be the finding of id.
func parseFinding(line []byte, id string) (f wire.Finding, cause string) {
	if err := json.Unmarshal(line, &f); err != nil {
		return f, fmt.Sprintf("the probe wrote garbage: %.200q", line)
	}
	known := f.Verdict == wire.Works || f.Verdict == wire.Absent || f.Verdict == wire.Inconclusive
	if f.ID != id || !known {
		return f, fmt.Sprintf("the probe wrote a finding that is not its own: %.200q", line)
	}
	return f, ""
}

// writeLine writes a finding as a line that parseFinding reads.
func writeLine(w io.Writer, f wire.Finding) error {
	line, err := json.Marshal(f)
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	return err
}
