package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/results"
)

// study is what the records say, as the page shows it.
type study struct {
	Kernels []*kernel
	// Probes and Apps are the tables of answers.
	Probes, Apps grid
	// Deviations are the differences from the expectations.
	Deviations []deviation
	// Without are the names of kernels without expectations.
	Without []string
	Notes   []string

	answers  answers
	facts    map[string]*cached // by the kernel's key
	graph    *graph
	asExpect int
	rows     int
}

// kernel is a column: all boots of one kernel.
type kernel struct {
	Name string
	// Index is its place among all kernels.
	Index int
	// Boots are its records, newest first.
	Boots []record.Record
	// Outcome and Reason are how they ended, and Class how that is shown.
	Outcome, Class string
	Reason         string
	Counts         [3]int // works, absent, inconclusive or without an answer
	Differ         int    // from the expectation
	Expected       string // the set that it was compared with
	Nearest        bool

	want map[string]string // the expected answers that differ, by probe
	log  string
}

// Newest returns its newest record.
func (k *kernel) Newest() record.Record { return k.Boots[0] }

// grid is a table of answers.
type grid struct {
	ID       string
	Columns  []*kernel
	Families []family
	// Rows is their number.
	Rows int
}

// family is the rows whose probes begin with the same name.
type family struct {
	Name string
	Rows []row
}

// row is a probe.
type row struct {
	ID, Name, Question string
	Symbols            []string
	Cells              []cell
}

// cell is the answer of a kernel.
type cell struct {
	Text, Class string
	// Odd is set if the answer is not the expected one, Varies if boots differ.
	Odd, Varies bool

	answer int // in answers, -1 without one
	micros int64
	boot   int // of the kernel
}

// newStudy sorts records into kernels and rows.
func newStudy(o Options) (*study, error) {
	s := &study{facts: map[string]*cached{}}
	s.sort(o.Records)
	if err := s.compare(); err != nil {
		return nil, err
	}
	left := maxCells
	s.Probes = s.grid("probes", &left, func(id string) bool { return !within(id, wire.AppFamily) && !within(id, wire.PerfFamily) })
	s.Apps = s.grid("apps", &left, func(id string) bool { return within(id, wire.AppFamily) })
	s.readLogs(o.Results)
	return s, nil
}

func within(id, family string) bool { return strings.HasPrefix(id, family+"/") }

// sort groups the records by kernel, in the order of the ladder, newest boot first.
func (s *study) sort(records []record.Record) {
	variants := map[string]bool{}
	for _, r := range records {
		variants[r.Variant()] = true
	}
	records = slices.Clone(records)
	results.ByLadder(records)
	slices.SortStableFunc(records, func(a, b record.Record) int { return cmp.Compare(a.Variant(), b.Variant()) })
	at, lost := map[string]*kernel{}, map[string]bool{}
	for _, r := range records {
		name := r.Profile
		if len(variants) > 1 {
			name = ref.Ref{Base: name, Series: r.Series, Arch: r.Arch}.String()
		}
		k := at[name]
		if k == nil && len(s.Kernels) == maxKernels {
			lost[name] = true
			continue
		}
		if k == nil {
			k = &kernel{Name: word(name), Index: len(s.Kernels)}
			at[name] = k
			s.Kernels = append(s.Kernels, k)
		}
		k.Boots = append(k.Boots, r)
	}
	if len(lost) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%s more are not on this page, which has room for %d.", count(len(lost), "kernel"), maxKernels))
	}
	for _, k := range s.Kernels {
		slices.SortStableFunc(k.Boots, func(a, b record.Record) int { return b.Time.Compare(a.Time) })
		k.conclude()
	}
}

// conclude sums up how the boots ended: the newest that failed counts, or else the newest that says
// nothing about the kernel.
func (k *kernel) conclude() {
	fault := func(r record.Record) bool { return r.Outcome == "" || r.Outcome.RigFault() }
	failed := func(r record.Record) bool { return r.Outcome != record.Completed && !fault(r) }
	shown := k.Newest()
	for _, is := range []func(record.Record) bool{failed, fault} {
		if i := slices.IndexFunc(k.Boots, is); i >= 0 {
			shown = k.Boots[i]
			break
		}
	}
	alike := 0
	for _, r := range k.Boots {
		if r.Outcome == shown.Outcome {
			alike++
		}
	}
	k.Outcome, k.Class = outcome(shown.Outcome)
	if k.Reason = esc(shown.Reason); alike < len(k.Boots) {
		k.Outcome = fmt.Sprintf("%d of %d %s", alike, len(k.Boots), k.Outcome)
	}
}

// outcome returns the text and the class of an outcome.
func outcome(o record.Outcome) (text, class string) {
	switch {
	case o == record.Completed:
		return string(o), "ok"
	case o == "":
		return "no verdict", "doubt"
	case o.RigFault():
		return string(o), "doubt"
	}
	return word(string(o)), "bad"
}

// grid makes the table of the probes that belong to it. left is how many cells may still be made.
func (s *study) grid(id string, left *int, belongs func(id string) bool) grid {
	g := grid{ID: id}
	var all []record.Record
	for _, k := range s.Kernels {
		if slices.ContainsFunc(k.Boots, func(r record.Record) bool { return slices.ContainsFunc(report.Probes(r), belongs) }) {
			g.Columns = append(g.Columns, k)
		}
		all = append(all, k.Boots...)
	}
	catalogue := map[string]wire.Probe{}
	for _, p := range wire.Probes() {
		catalogue[p.ID] = p
	}
	lost := 0
	for _, f := range report.Families(all) {
		fam := family{Name: word(f.Name)}
		for _, id := range f.IDs {
			if !belongs(id) {
				continue
			}
			if *left < len(g.Columns) || s.rows == maxRows {
				lost++
				continue
			}
			*left -= len(g.Columns)
			s.rows++
			p := catalogue[id]
			name := strings.TrimPrefix(id, f.Name+"/")
			r := row{ID: word(id), Name: word(name), Question: p.Question, Symbols: p.Symbols}
			for _, k := range g.Columns {
				r.Cells = append(r.Cells, s.cell(k, id))
			}
			fam.Rows = append(fam.Rows, r)
		}
		if g.Rows += len(fam.Rows); len(fam.Rows) > 0 {
			g.Families = append(g.Families, fam)
		}
	}
	if lost > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d more probes are not on this page, which would become too large; netstrip show --all has them.", lost))
	}
	return g
}

// cell returns the newest answer of a kernel to a probe.
func (s *study) cell(k *kernel, id string) cell {
	c := cell{Text: "-", Class: "none", answer: -1}
	_, c.Odd = k.want[id]
	for i, r := range k.Boots {
		f, ok := report.Finding(r, id)
		text, class := shown(r, f, ok, id)
		switch {
		case !ok && class == "none":
			continue
		case c.Class == "none":
			c.Text, c.Class, c.boot = text, class, i
			if ok {
				c.micros, c.answer = f.Micros, s.answers.add(f)
			}
		case text != c.Text:
			c.Varies = true
		}
	}
	switch c.Class {
	case "ok":
		k.Counts[0]++
	case "bad":
		k.Counts[1]++
	case "doubt":
		k.Counts[2]++
	}
	return c
}

// shown returns the text and the class of an answer.
func shown(r record.Record, f wire.Finding, ok bool, id string) (text, class string) {
	switch {
	case !ok && r.Running == id:
		return "cut off", "doubt"
	case !ok && slices.Contains(r.Unanswered, id):
		return "no answer", "doubt"
	case !ok:
		return "-", "none"
	case f.Verdict == wire.Works:
		return "works", "ok"
	case f.Verdict == wire.Absent && errnoWords[f.Errno] != "":
		return f.Errno, "bad"
	case f.Verdict == wire.Absent:
		return "absent", "bad"
	case slices.ContainsFunc(f.Symbols, func(s wire.Symbol) bool { return s.Value == "m" && !s.Loaded }):
		return "not loaded", "doubt"
	}
	return "inconclusive", "doubt"
}

// Span is the number of columns of the table, with that of the names.
func (g grid) Span() int { return len(g.Columns) + 1 }

// Filters are the buttons that choose rows: the name in the address, the text, and what it does.
func (g grid) Filters() [][3]string {
	return [][3]string{
		{"all", "all", "every row"}, {"differs", "differs", "rows whose answers are not the same on all kernels"},
		{"unexpected", "unexpected", "rows with an answer that is not the expected one"}, {"absent", "absent", "rows with an absent feature"},
		{"inconclusive", "inconclusive", "rows with an answer that decides nothing"},
	}
}

// Version is the release of the kernel.
func (k *kernel) Version() string { return word(k.Newest().Kernel.Version) }

// Image is the size of the kernel's image.
func (k *kernel) Image() string { return sizeOf(k.Newest().Kernel.ImageBytes) }

// AsExpected reports whether there were expectations for at least one kernel.
func (s *study) AsExpected() bool { return s.asExpect > 0 }
