package kconfigcheck

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
)

//go:embed paths.txt
var paths string

// Kernel is a kernel's expected findings, and which of its symbols are on.
type Kernel struct {
	Findings []wire.Finding
	On       func(symbol string) bool
}

// Symptom is an observed failure, and the symbols behind it.
type Symptom struct {
	// Text is the failure as described.
	Text string `json:"text"`
	// Probes are the probes that fail the same way.
	Probes []string `json:"probes,omitempty"`
	// Symbols are needed: all of them or, if Any is set, one, depending on the request.
	Symbols []string `json:"symbols"`
	Any     bool     `json:"any,omitempty"`
}

// String returns one line for people.
func (s Symptom) String() string {
	symbols := strings.Join(s.Symbols, " and ")
	if s.Any {
		symbols = "one of " + strings.Join(s.Symbols, ", ") + ", depending on the request"
	}
	text := s.Text + " points to " + symbols
	if n := len(s.Probes); n > 0 && s.Probes[0] != s.Text {
		text += fmt.Sprintf(" (%s", s.Probes[0])
		if n > 1 {
			text += fmt.Sprintf(" and %d more probes", n-1)
		}
		text += ")"
	}
	return text
}

// Behind finds the symbols behind a text: the ID of a probe, a path, or a failed call as printed
// by a program. It reports whether it found any.
func Behind(text string, kernels []Kernel) (Symptom, bool) {
	s := Symptom{Text: text}
	text = strings.TrimSpace(text)
	if p, ok := lookup(text); ok && !strings.HasPrefix(text, wire.AppFamily+"/") {
		s.Probes, s.Symbols = []string{p.ID}, p.Symbols
		return s, len(s.Symbols) > 0
	}
	if m := pathIn.FindStringSubmatch(text); m != nil {
		s.Symbols = ofPath(m[1])
		return s, len(s.Symbols) > 0
	}
	if idLike.MatchString(text) {
		return s, s.below(text)
	}
	calls, words, errno := parse(text)
	for _, call := range calls {
		if met := s; met.find(kernels, call, words, errno) {
			if met.Any && s.family(words, errno) {
				return s, true
			}
			return met, true
		}
	}
	return s, s.family(words, errno)
}

// below finds the symbols behind a family of probes.
func (s *Symptom) below(text string) bool {
	for _, p := range wire.Probes() {
		if strings.HasPrefix(p.ID, strings.TrimSuffix(text, "/")+"/") {
			s.Probes, s.Symbols = append(s.Probes, p.ID), append(s.Symbols, p.Symbols...)
		}
	}
	s.Symbols = sorted(s.Symbols)
	s.Any = len(s.Symbols) > 1
	return len(s.Symbols) > 0
}

var (
	pathIn    = regexp.MustCompile(`(?:^|[\s"'(:=])(/(?:proc|sys|dev)(?:/[\w.+-]+)*)`)
	errnoName = regexp.MustCompile(`\bE[A-Z0-9]{3,}\b`)
	errnoNum  = regexp.MustCompile(`(?i)\b(?:errno|error)[ :=]+(\d{1,3})\b`)
	idLike    = regexp.MustCompile(`^[\w-]+(?:/[\w.-]*)+$`)
	callName  = regexp.MustCompile(`\b[a-z][a-z0-9_]+\b`)
	constant  = regexp.MustCompile(`\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b`)
	process   = regexp.MustCompile(`^/proc/(?:\d+|thread-self)(/|$)`)
)

// ofPath returns the symbols of the longest path in the table that path equals or is below.
func ofPath(path string) (symbols []string) {
	path = process.ReplaceAllString(path, "/proc/self$1")
	longest := ""
	for line := range strings.Lines(paths) {
		f := strings.Fields(line)
		if len(f) == 2 && f[0] != "#" && (path == f[0] || strings.HasPrefix(path, f[0]+"/")) && len(f[0]) > len(longest) {
			longest, symbols = f[0], strings.Split(f[1], ",")
		}
	}
	switch longest {
	case "/proc", "/sys": // these say nothing about other files below them
		if path != longest {
			return nil
		}
	}
	return symbols
}

// parse splits a message: names that may be calls, constants among the arguments, and the
// error, by name or in the words of strerror(3).
func parse(text string) (calls, words []string, errno string) {
	if n := errnoName.FindString(text); n != "" {
		errno = n
		text = strings.Split(text, n)[0]
	} else {
		low := strings.ToLower(text)
		for n := syscall.Errno(1); n < 134; n++ {
			said := n.Error()
			if i := strings.LastIndex(low, said); i >= 0 && unix.ErrnoName(n) != "" {
				errno, text = unix.ErrnoName(n), text[:i]
				break
			}
		}
		if errno == "" {
			errno = numbered(text)
		}
	}
	for _, w := range constant.FindAllString(text, -1) {
		words = append(words, strings.Replace(w, "PF_", "AF_", 1))
	}
	return callName.FindAllString(text, -1), words, errno
}

// numbered returns the name of an error given by its number on amd64, as in Python's OSError.
func numbered(text string) string {
	m := errnoNum.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return ""
	}
	return unix.ErrnoName(syscall.Errno(n))
}

// find finds the probes that fail this way, and the symbols that are off where they do.
func (s *Symptom) find(kernels []Kernel, call string, words []string, errno string) bool {
	fails := func(f wire.Finding) bool {
		name, args, _ := strings.Cut(f.Call, "(")
		return f.Verdict == wire.Absent && name == call && (errno == "" || f.Errno == errno) &&
			!slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(constant.FindAllString(args, -1), w) })
	}
	var off []string
	for _, k := range kernels {
		for _, f := range k.Findings {
			if fails(f) {
				s.Probes = append(s.Probes, f.ID)
				for _, symbol := range Of(f.ID) {
					if !k.On(symbol) {
						off = append(off, symbol)
					}
				}
			}
		}
	}
	s.Probes, off = sorted(s.Probes), sorted(off)
	if len(s.Probes) == 0 {
		return false
	}
	s.Symbols = decides(kernels, s.Probes, fails, append([]string{"NET"}, off...))
	if own := slices.DeleteFunc(slices.Clone(s.Symbols), func(name string) bool { return !slices.Contains(off, name) }); len(own) > 0 {
		s.Symbols = own // without NET, much else is off
	}
	if len(s.Symbols) == 0 {
		s.Symbols, s.Any = off, len(off) > 1
	}
	if !slices.ContainsFunc(s.Probes, func(id string) bool { return containsAll(Of(id), s.Symbols) }) {
		s.Any = len(s.Symbols) > 1 // no probe needs all of them
	}
	return len(s.Symbols) > 0
}

// sorted returns the names in order, each once.
func sorted(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// containsAll reports whether all contains every name of some.
func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(name string) bool { return !slices.Contains(all, name) })
}

// decides returns the symbols that are off exactly where the probes fail this way or, if there are
// none, those that are off where they fail this way and on where they work.
func decides(kernels []Kernel, probes []string, fails func(wire.Finding) bool, candidates []string) []string {
	var exact, fair []string
	for _, c := range sorted(candidates) {
		isExact, isFair := true, true
		for _, k := range kernels {
			failing, working, asked := false, false, false
			for _, f := range k.Findings {
				if slices.Contains(probes, f.ID) {
					asked = true
					failing = failing || fails(f)
					working = working || f.Verdict == wire.Works
				}
			}
			isExact = isExact && (!asked || k.On(c) != failing)
			isFair = isFair && !(failing && k.On(c)) && !(working && !k.On(c))
		}
		if isExact {
			exact = append(exact, c)
		}
		if isFair {
			fair = append(fair, c)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return fair
}
