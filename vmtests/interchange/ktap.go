package interchange

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/vmtests/record"
)

// KTAP returns the records as KTAP version 1 (Documentation/dev-tools/ktap.rst in the kernel): kernels,
// in them the boot and the families, in those the probes. An expected absence is ok. It uses no directive
// but SKIP, since the kernel's reader takes the others for failures
// (tools/testing/kunit/kunit_parser.py:359). An infrastructure failure is skipped.
func KTAP(records []record.Record) ([]byte, error) { return from(records, writeKTAP) }

func writeKTAP(kernels []judged) ([]byte, error) {
	w := &ktap{}
	if len(kernels) == 0 {
		return []byte("KTAP version 1\n1..0 # SKIP no boots are recorded\n"), nil
	}
	w.plan(0, len(kernels))
	for i, k := range kernels {
		var names namer
		families := families(k.tests)
		w.plan(1, len(families))
		for n, tests := range families {
			if tests[0].family == "" {
				tests[0].name = names.unique(tests[0].name)
				w.result(1, n+1, tests[0])
				continue
			}
			w.plan(2, len(tests))
			for m, t := range tests {
				w.result(2, m+1, t)
			}
			w.result(1, n+1, whole(names.unique(tests[0].family), tests))
		}
		w.result(0, i+1, whole(k.name, k.tests))
	}
	return w.Bytes(), nil
}

// families groups tests by family, in the order in which those first appear. A test without a family
// is alone.
func families(tests []test) (all [][]test) {
	at := map[string]int{}
	for _, t := range tests {
		i, seen := at[t.family]
		if t.family == "" || !seen {
			at[t.family] = len(all)
			all = append(all, []test{t})
			continue
		}
		all[i] = append(all[i], t)
	}
	return all
}

// whole returns the result of several tests as one: it fails if one does, and is skipped if all are.
func whole(name string, tests []test) test {
	t := test{name: name}
	skipped := func(t test) bool { return t.status == notAsked || t.status == fault }
	switch {
	case slices.ContainsFunc(tests, func(t test) bool { return t.failed() }):
		t.status = differs
	case !slices.ContainsFunc(tests, func(t test) bool { return !skipped(t) }):
		t.status, t.words = tests[0].status, tests[0].words
	}
	return t
}

// ktap collects lines.
type ktap struct{ bytes.Buffer }

func (w *ktap) line(level int, text string) {
	fmt.Fprintf(w, "%s%s\n", strings.Repeat("  ", level), unmarked.Replace(text))
}

// unmarked takes from a line what the kernel's reader would take for the end of all tests, wherever it
// stands (KTAP_END in kunit_parser.py).
var unmarked = strings.NewReplacer("List of all partitions:", `List of all partitions\x3a`,
	"Kernel panic - not syncing: VFS:", `Kernel panic - not syncing: VFS\x3a`,
	"reboot: System halted", `reboot\x3a System halted`)

// plan begins the tests of a level.
func (w *ktap) plan(level, n int) {
	w.line(level, "KTAP version 1")
	w.line(level, fmt.Sprintf("1..%d", n))
}

// hidden escapes the character that separates a name from what follows.
var hidden = strings.NewReplacer("#", `\x23`)

// ktapName returns a name without what would not be read as part of it.
func ktapName(name string) string {
	if rest, dash := strings.CutPrefix(name, "- "); dash {
		name = `\x2d ` + rest
	}
	return hidden.Replace(name)
}

// result writes the evidence, unless the test simply passed, and the result.
func (w *ktap) result(level, number int, t test) {
	ok, words := "ok", t.words
	switch {
	case t.failed():
		ok = "not ok"
	case t.status == fault, t.status == notAsked:
		words = strings.TrimSpace("SKIP " + words)
	}
	if t.status != agrees {
		for _, line := range t.evidence {
			w.line(level, "# "+hidden.Replace(line))
		}
	}
	if words != "" {
		words = " # " + hidden.Replace(words)
	}
	w.line(level, fmt.Sprintf("%s %d %s%s", ok, number, ktapName(t.name), words))
}
