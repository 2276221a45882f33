//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/probes/all"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// probeName is the name under which this program is the command for probes in a shell.
const probeName = "probe"

// isProbe reports whether the program was called by that name.
func isProbe(args []string) bool { return len(args) > 0 && filepath.Base(args[0]) == probeName }

// probeUsage says how to call it.
const probeUsage = `usage: probe GLOB...     run probes, such as lo/present or 'socket/*'
       probe --list      list the probes, each with its question
`

// probe runs the probes that match the patterns and prints their answers. It returns the exit
// status: 0 if all work, 1 if not, 2 for a wrong argument.
func probe(out io.Writer, patterns []string) int {
	if len(patterns) == 1 && patterns[0] == "--list" {
		for _, p := range wire.Probes() {
			if family, _, _ := strings.Cut(p.ID, "/"); family != wire.InitFamily {
				fmt.Fprintf(out, "%-28s %s\n", p.ID, p.Question)
			}
		}
		return 0
	}
	if len(patterns) == 0 || patterns[0] == "" || patterns[0][0] == '-' {
		fmt.Fprint(os.Stderr, probeUsage)
		return 2
	}
	status := 0
	s := supervisor{command: probeCommand, start: func(string) {}, found: func(f wire.Finding) {
		fmt.Fprintln(out, answer(f))
		if f.Verdict != wire.Works {
			status = 1
		}
	}}
	for _, pattern := range patterns {
		chosen, err := all.Select(pattern)
		if err == nil && len(chosen) == 0 {
			err = fmt.Errorf("no such probe: %q; probe --list lists them", pattern)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "probe: %v\n", err)
			return 2
		}
		for _, t := range tasks(chosen) {
			s.run([]task{t})
		}
	}
	return status
}

// answer returns a finding as a line: the probe, the answer as in a table, and what decided.
func answer(f wire.Finding) string {
	verdict := string(f.Verdict)
	if f.Verdict == wire.Absent {
		verdict = cmp.Or(f.Errno, verdict)
	}
	why := []string{f.Call, f.Value, f.Detail}
	if strings.HasPrefix(f.Detail, f.Call) {
		why = why[1:]
	}
	why = slices.DeleteFunc(why, func(part string) bool { return part == "" })
	return strings.TrimSpace(fmt.Sprintf("%-28s %-13s %s", f.ID, verdict, strings.Join(why, " ")))
}
