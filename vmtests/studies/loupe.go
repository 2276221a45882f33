package studies

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
)

//go:embed loupe.csv
var loupeCSV string

// workload is an application under one load, as Loupe ran it, some more than once.
type workload struct {
	application, name string
	// calls has "required", "stub", "fake" or "either" for each system call that was made.
	calls map[string]string
}

// suite is the name of workloads that are the application's own tests. The others are
// benchmarks.
const suite = "suite"

// parseLoupe reads Loupe's table.
func parseLoupe(file, text string) ([]workload, error) {
	lines, err := readTable(file, text, "application", "workload", "socket", "socketpair", "listen", "accept", "accept4")
	bad := []error{err}
	var all []workload
	for _, l := range lines {
		w := workload{l.cells["application"], l.cells["workload"], map[string]string{}}
		if w.application == "" {
			bad = append(bad, fmt.Errorf("%s: no application is named", l.at))
		}
		if w.name != suite && w.name != "benchmark" {
			bad = append(bad, fmt.Errorf("%s: workload is %q, which is neither benchmark nor suite", l.at, w.name))
		}
		for _, call := range slices.Sorted(maps.Keys(l.cells)) {
			switch v := l.cells[call]; {
			case call == "application" || call == "workload" || v == "":
			case slices.Contains([]string{"required", "stub", "fake", "either"}, v):
				w.calls[call] = v
			default:
				bad = append(bad, fmt.Errorf("%s: %s is %q, which is none of required, stub, fake, either", l.at, call, v))
			}
		}
		all = append(all, w)
	}
	return all, errors.Join(bad...)
}

// needs reports whether the workload fails if call fails. A kernel without the network returns
// an error and never fakes success.
func (w workload) needs(call string) bool {
	return w.calls[call] == "required" || w.calls[call] == "fake"
}

// serves reports whether the workload listened on a socket.
func (w workload) serves() bool {
	return cmp.Or(w.calls["listen"], w.calls["accept"], w.calls["accept4"]) != ""
}

// prediction is what Loupe's results predict for a kernel.
type prediction string

const (
	unsaid prediction = "cannot say"
	works  prediction = "works"
	breaks prediction = "breaks"
)

// predict returns what Loupe's results for single calls predict for a kernel without NET, where
// every socket call fails, or without UNIX, and the reason. Only socket(2) and socketpair(2)
// decide, because if both fail no other socket call has a socket. Without UNIX socketpair(2)
// always fails: only AF_UNIX and TIPC, which no rung has, make pairs (net/unix/af_unix.c:903,
// net/tipc/socket.c:3376). Loupe records neither the family of a socket nor what happens if two
// calls fail at once.
func (w workload) predict(rung string) (prediction, string) {
	socket, pair := w.calls["socket"], w.calls["socketpair"]
	switch {
	case w.needs("socketpair"):
		return breaks, "it needs socketpair"
	case w.needs("socket") && rung == noNet:
		return breaks, "it needs socket"
	case w.needs("socket"):
		return unsaid, "it needs socket, of an unknown family"
	case socket != "" && pair != "":
		return unsaid, "it does not need socket or socketpair; without both was not tried"
	case socket != "":
		return works, "it does not need socket"
	case pair != "":
		return works, "it does not need socketpair"
	}
	return works, "it creates no socket"
}

// loupe returns the function that makes the rows of a probe. Ways over Unix sockets have none:
// they fail without either option, whatever the application does.
func loupe() (func(answers, string) []Row, error) {
	all, err := parseLoupe("loupe.csv", loupeCSV)
	return func(a answers, id string) []Row {
		var rows []Row
		way, _ := apps.ParseID(id)
		for _, n := range names(way.Name) {
			for _, w := range all {
				if w.application != n.name || way.Way == "unix" {
					continue
				}
				for _, rung := range []string{noUnix, noNet} {
					r := w.row(a, rung, id)
					if n.kin != "" {
						r.Why = strings.TrimPrefix(r.Why+"; "+n.kin, "; ")
					}
					if !slices.Contains(rows, r) { // some workloads were run twice
						rows = append(rows, r)
					}
				}
			}
		}
		return rows
	}, err
}

// row compares the prediction for a rung with the answer.
func (w workload) row(a answers, rung, id string) Row {
	got := a[place{rung, id}]
	p, because := w.predict(rung)
	r := Row{
		Profile: onApps(rung), Source: w.application + " " + w.name,
		Said: fmt.Sprintf("%s: %s", p, because), Found: said(got), Verdict: NotComparable,
	}
	way, _ := apps.ParseID(id)
	socketless := way.Way != "loopback"
	switch {
	case a.lacks(id) != "":
		r.Why = a.lacks(id)
	case got.Verdict != wire.Works && got.Verdict != wire.Absent:
		r.Why = "this kernel returned no clear answer"
	case p == unsaid:
		r.Why = "Loupe's single calls do not predict this"
	case p == breaks && w.name == suite:
		r.Why = "one failing case breaks a suite, and Loupe does not say which"
	case p == breaks && socketless && w.serves():
		r.Why = "Loupe's workload serves over sockets, and this one does not"
	case p == works && !socketless && !w.serves():
		r.Why = "Loupe's workload does not serve over sockets, and this one does"
	case (p == works) != (got.Verdict == wire.Works):
		r.Verdict = Disagree
		if rung == noUnix {
			r.Why = "Loupe's calls fail with ENOSYS, those of this kernel with EAFNOSUPPORT"
		}
	default:
		r.Verdict = Agree
		if rung == noNet && !socketless {
			r.Why = "no other answer was possible: the client needs a socket too"
		}
	}
	return r
}
