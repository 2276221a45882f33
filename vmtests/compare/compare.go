// Package compare says in what two kernels differ: in size, in how long their boots take
// and what memory they leave, and in what the probes find. It runs on the host, boots
// nothing, and works from what is known of built kernels and from records alone.
//
// Times and memory vary from boot to boot, and with what else the machine does. So only
// boots of one run, of one initramfs and under one accelerator are held against each other, and a
// difference counts when chance would bring it about in less than one case in twenty
// (Mann-Whitney, as benchstat does, which supposes nothing about how the values lie).
package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Side is one of the two kernels.
type Side struct {
	Name string `json:"name"`
	// Kernel is nil where it was never built.
	Kernel *kbuild.Kernel `json:"kernel"`
	// Boots are the IDs of the records that count, Outcomes how many of them ended how.
	Boots    []string               `json:"boots"`
	Outcomes map[record.Outcome]int `json:"outcomes"`
	// Notes say what it is, what of it is not known, and how to get that.
	Notes []string `json:"notes"`

	// Records are the boots there are of it, from which Between takes those that count.
	Records []record.Record `json:"-"`
}

// Comparison is in what B differs from A. No list is nil, so that JSON has none that is null.
type Comparison struct {
	A *Side `json:"a"`
	B *Side `json:"b"`
	// Directories are empty unless the sizes of both are known by directory.
	Directories []Sizes `json:"directories"`
	// Run is the run that all boots are of. Where it is empty they are of several, and
	// nothing is measured.
	Run string `json:"run"`
	// Measures are the phases of the boots, by the names that records have for them, and
	// the memory available once the guest is up.
	Measures []Measure `json:"measures"`
	// Families are the probes that both were asked, or one of them.
	Families []Family `json:"families"`
	// Numbers are those of the probes' numbers that differ significantly, of as many as
	// NumbersCompared, which are those with enough boots; one in twenty would by chance.
	Numbers         []Measure `json:"numbers"`
	NumbersCompared int       `json:"numbers_compared"`
	// Notes are about both.
	Notes []string `json:"notes"`
}

// Between compares two kernels by whatever is known of both.
func Between(a, b *Side) *Comparison {
	c := &Comparison{A: a, B: b, Notes: []string{}, Measures: []Measure{}, Families: []Family{}, Numbers: []Measure{}}
	c.Directories = directories(a.Kernel, b.Kernel)
	as, bs := c.choose()
	a.take(as)
	b.take(bs)
	if c.Run != "" {
		c.Measures = measures(as, bs)
		c.Numbers, c.NumbersCompared = numbers(as, bs)
	}
	if asked(as) && asked(bs) {
		c.Families = families(as, bs)
	} else if len(as) > 0 && len(bs) > 0 {
		c.note("what the probes find is not compared: not both got as far as the probes")
	}
	return c
}

// Least is how many boots that can be compared the side with fewer of them has.
func (c *Comparison) Least() int {
	if c.Run == "" {
		return 0
	}
	return min(len(c.A.Boots), len(c.B.Boots))
}

func (c *Comparison) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

func (s *Side) take(boots []record.Record) {
	s.Boots, s.Outcomes = []string{}, map[record.Outcome]int{}
	if s.Notes == nil {
		s.Notes = []string{}
	}
	for _, r := range boots {
		s.Boots = append(s.Boots, r.ID)
		s.Outcomes[r.Outcome]++
	}
}

// conditions are what boots that are compared must have in common.
type conditions struct {
	run, initramfs, qemu, accel string
	memory                      int
}

func conditionsOf(r record.Record) conditions {
	own, _, _ := strings.Cut(r.Initramfs.Key, "+") // after + a kernel's modules
	return conditions{r.Run, own, r.Machine.QEMU, r.Machine.Accel, r.Machine.MemoryMiB}
}

// choose takes the run in which both were booted most often, the newest of those. Where
// there is none it takes the newest run of each. A fault of the rig is no boot of a kernel.
func (c *Comparison) choose() (as, bs []record.Record) {
	a, b := byConditions(c.A.Records), byConditions(c.B.Records)
	most, best := 0, conditions{}
	for k := range a {
		n := min(len(a[k]), len(b[k]))
		if n > 0 && cmp.Or(cmp.Compare(n, most), strings.Compare(k.run, best.run)) > 0 {
			most, best = n, k
		}
	}
	if most == 0 {
		la, lb := newest(a), newest(b)
		if as, bs = a[la], b[lb]; len(as) > 0 && len(bs) > 0 {
			c.apart(la, lb)
		}
		return as, bs
	}
	c.Run = best.run
	as, bs = a[best], b[best]
	switch {
	case len(as) > len(bs):
		as = without(as, bs)
	case len(as) < len(bs):
		bs = without(bs, as)
	case len(as) > 1 && as[0].ID == bs[0].ID:
		c.note("A and B are the same boots: every other one counts for A, the rest for B")
		return everyOther(as, 0), everyOther(bs, 1)
	}
	return as, bs
}

// without leaves out the boots that are the other side's.
func without(all, others []record.Record) []record.Record {
	return slices.DeleteFunc(slices.Clone(all), func(r record.Record) bool {
		return slices.ContainsFunc(others, func(o record.Record) bool { return o.ID == r.ID })
	})
}

// apart says why times are not compared.
func (c *Comparison) apart(a, b conditions) {
	why := fmt.Sprintf("the runs are %s and %s", a.run, b.run)
	if a.initramfs != b.initramfs {
		why += ", the initramfs are not the same, so that a probe need not be"
	}
	if a.accel != b.accel {
		why += fmt.Sprintf(", the accelerators are %s and %s", a.accel, b.accel)
	}
	c.note("times and memory are not compared, because no run has boots of both under the same conditions: %s", why)
}

func byConditions(records []record.Record) map[conditions][]record.Record {
	groups := map[conditions][]record.Record{}
	for _, r := range records {
		if r.Outcome != "" && !r.Outcome.RigFault() {
			groups[conditionsOf(r)] = append(groups[conditionsOf(r)], r)
		}
	}
	return groups
}

func newest(groups map[conditions][]record.Record) conditions {
	last := conditions{}
	for k := range groups {
		if k.run >= last.run {
			last = k
		}
	}
	return last
}

func everyOther(records []record.Record, from int) []record.Record {
	var out []record.Record
	for r := range slices.Chunk(records[from:], 2) {
		out = append(out, r[0])
	}
	return out
}
