package compare

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Write writes the comparison for people.
func (c *Comparison) Write(out io.Writer, t configdiff.Text) error {
	p := &page{markdown: t.Markdown}
	if c.Symbols != nil {
		if err := c.Symbols.Write(&p.text, c.A.Name, c.B.Name, t); err != nil {
			return err
		}
	}
	if c.Across != nil {
		if err := c.Across.Write(&p.text, c.A.Name, c.B.Name, t); err != nil {
			return err
		}
	}
	c.writeSizes(p)
	c.writeMeasures(p)
	c.writeFindings(p)
	c.writeNumbers(p)
	notes := slices.Concat(c.Notes, c.A.Notes, c.B.Notes)
	for i, n := range notes {
		if i == 0 {
			p.text.WriteString("\n")
		}
		if !slices.Contains(notes[:i], n) {
			p.item(n)
		}
	}
	_, err := io.WriteString(out, p.text.String())
	return err
}

func (c *Comparison) writeSizes(p *page) {
	a, b := c.A.Kernel, c.B.Kernel
	if a == nil || b == nil {
		return
	}
	if a.Text > 0 && b.Text > 0 {
		t := table.Table{Head: []string{"", "objects", "", "text", "", "data", "", "bss", "", "difference"}, Right: true}
		t.Add("", "A", "B", "A", "B", "A", "B", "A", "B", "")
		for _, d := range append(slices.Clone(c.Directories), newSizes("vmlinux", whole(a), whole(b))) {
			t.Add(d.cells()...)
		}
		p.line("Sizes: A is %s, B is %s", c.A.Name, c.B.Name)
		p.table(t)
	}
	p.line("bzImage: A %s, B %s, difference %s", report.Size(a.ImageBytes), report.Size(b.ImageBytes), signed(b.ImageBytes-a.ImageBytes))
}

func (d Sizes) cells() []string {
	row := []string{d.Name, objects(d.A), objects(d.B)}
	for _, n := range []int64{d.A.Text, d.B.Text, d.A.Data, d.B.Data, d.A.BSS, d.B.BSS} {
		row = append(row, bytesOf(n))
	}
	return append(row, signed(d.Difference))
}

// objects returns "-" for a kernel built before objects were counted.
func objects(d kbuild.Directory) string {
	if d.Objects == 0 {
		return "-"
	}
	return fmt.Sprint(d.Objects)
}

// bytesOf returns a size, in bytes if it is below 1 KiB.
func bytesOf(n int64) string {
	if 0 < n && n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	return report.Size(n)
}

func signed(n int64) string {
	switch {
	case n == 0:
		return "0"
	case n < 0:
		return "-" + bytesOf(-n)
	}
	return "+" + bytesOf(n)
}

func (c *Comparison) writeMeasures(p *page) {
	if len(c.Measures) == 0 {
		return
	}
	p.line("Boots of the run %s: A is %s, %s; B is %s, %s", c.Run, c.A.Name, c.A.ends(), c.B.Name, c.B.ends())
	p.measures(c.Measures)
	var verdicts []string
	for _, m := range c.Measures {
		verdicts = append(verdicts, m.verdict())
	}
	switch {
	case slices.Contains(verdicts, tooFew):
		p.line("Too few boots to tell whether times and memory differ: that takes four of each, and six for a confidence interval.")
	case !slices.ContainsFunc(verdicts, func(v string) bool { return v != none && v != "-" }) && slices.Contains(verdicts, none):
		p.line("No significant difference in times or memory.")
	}
}

// ends counts the outcomes of the boots.
func (s *Side) ends() string {
	var said []string
	for o, n := range s.Outcomes {
		said = append(said, fmt.Sprintf("%d %s", n, o))
	}
	slices.Sort(said)
	return strings.Join(said, ", ")
}

// measures writes medians with their 95 % confidence intervals.
func (p *page) measures(all []Measure) {
	t := table.Table{Head: []string{"", "A", "95 %", "B", "95 %", "B against A", "p", "n"}, Right: true}
	for _, m := range all {
		n := fmt.Sprint(m.A.N)
		if m.A.N != m.B.N {
			n += fmt.Sprintf("+%d", m.B.N)
		}
		p := fmt.Sprintf("%.3f", m.P)
		switch {
		case m.A.N == 0 || m.B.N == 0:
			p = "-"
		case m.P < 0.001:
			p = "<0.001"
		}
		t.Add(report.Escape(strings.ReplaceAll(strings.TrimSuffix(m.Name, "_kb"), "_", " "), 60),
			m.value(m.A.Median, m.A.N), m.interval(m.A), m.value(m.B.Median, m.B.N), m.interval(m.B), m.verdict(), p, n)
	}
	p.table(t)
}

func (m Measure) value(v float64, n int) string {
	switch {
	case n == 0:
		return "-"
	case m.Unit == "s":
		return fmt.Sprintf("%.3f s", v)
	case m.Unit == "":
		return fmt.Sprintf("%.4g", v)
	}
	return fmt.Sprintf("%.0f %s", v, m.Unit)
}

func (m Measure) interval(s Sample) string {
	if s.Low == nil || s.High == nil {
		return "-"
	}
	unit := " " + m.Unit
	return strings.TrimSuffix(m.value(*s.Low, s.N), unit) + " to " + strings.TrimSuffix(m.value(*s.High, s.N), unit)
}

// Verdicts on samples that do not differ, and on those too small to tell.
const (
	none   = "no significant difference"
	tooFew = "too few boots"
)

func (m Measure) verdict() string {
	switch {
	case m.A.N == 0 || m.B.N == 0:
		return "-"
	case m.tooFew():
		return tooFew
	case !m.Significant:
		return none
	case m.A.Median == 0:
		return fmt.Sprintf("%+.4g", m.Difference)
	}
	return fmt.Sprintf("%+.1f %%", 100*m.Difference/m.A.Median)
}

func (c *Comparison) writeFindings(p *page) {
	t := table.Table{Head: []string{"", "A", "B"}}
	var alike []string
	probes, differ := 0, 0
	for _, f := range c.Families {
		probes, differ = probes+f.Probes, differ+len(f.Differ)
		if len(f.Differ) == 0 {
			alike = append(alike, fmt.Sprintf("%s (%d)", report.Escape(f.Name, 48), f.Probes))
			continue
		}
		t.Add(fmt.Sprintf("%s: %d of %d", report.Escape(f.Name, 48), len(f.Differ), f.Probes), "", "")
		for _, d := range f.Differ {
			t.Add(report.Escape(d.Probe, 60), text(d.A), text(d.B))
		}
	}
	if probes == 0 {
		return
	}
	p.line("Findings: %d of %d probes differ; A is %s, B is %s", differ, probes, c.A.Name, c.B.Name)
	if differ > 0 {
		p.table(t)
		if len(alike) > 0 {
			p.line("Nothing differs in %s.", strings.Join(alike, ", "))
		}
	}
}

// text returns the answers of one side.
func text(all []Answer) string {
	said := make([]string, len(all))
	for i, a := range all {
		said[i] = cmp.Or(string(a.Verdict), "no answer")
		if a.Verdict == wire.Absent && a.Errno != "" {
			said[i] = a.Errno
		} else if a.Errno != "" {
			said[i] += " " + a.Errno
		}
		if a.Value != "" {
			said[i] += ": " + a.Value
		}
		said[i] = report.Escape(said[i], 60)
		if len(all) > 1 {
			said[i] += fmt.Sprintf(" (%d)", a.Boots)
		}
	}
	return cmp.Or(strings.Join(said, "; "), "-")
}

func (c *Comparison) writeNumbers(p *page) {
	if c.NumbersCompared == 0 {
		return
	}
	p.line("Numbers of the probes: %d of %d differ significantly; one in twenty does by chance", len(c.Numbers), c.NumbersCompared)
	if len(c.Numbers) > 0 {
		p.measures(c.Numbers)
	}
}
