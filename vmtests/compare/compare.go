// Package compare compares two kernels: their sizes, the times and free memory of their
// boots, and the findings of the probes. It runs on the host, boots nothing, and works from
// built kernels and records alone.
//
// Times and memory vary from boot to boot, and with the load of the machine. So only boots of
// the same run, initramfs and accelerator are compared, and a difference is significant if
// chance alone explains it in less than one case in twenty (Mann-Whitney, as in benchstat,
// which assumes nothing about the distribution).
package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Side is one of the two kernels.
type Side struct {
	Name string `json:"name"`
	// Kernel is nil if it was never built.
	Kernel *kbuild.Kernel `json:"kernel"`
	// Boots are the IDs of the records compared, Outcomes the number of each outcome.
	Boots    []string               `json:"boots"`
	Outcomes map[record.Outcome]int `json:"outcomes"`
	// Notes say what the kernel is, what is unknown about it, and how to find out.
	Notes []string `json:"notes"`

	// Records are all its boots; Between selects among them.
	Records []record.Record `json:"-"`
}

// Comparison is how B differs from A. No list is nil, so that JSON has no null.
type Comparison struct {
	A *Side `json:"a"`
	B *Side `json:"b"`
	// Directories is empty unless the sizes of both are known by directory.
	Directories []Sizes `json:"directories"`
	// Run is the run of all boots. If it is empty, they are of several, and times are not
	// compared.
	Run string `json:"run"`
	// Measures are the phases of the boots, named as in records, and the memory available in
	// the guest.
	Measures []Measure `json:"measures"`
	// Families are the probes that either kernel was asked.
	Families []Family `json:"families"`
	// Numbers are the probes' numbers that differ significantly, out of NumbersCompared with
	// enough boots. One in twenty does by chance.
	Numbers         []Measure `json:"numbers"`
	NumbersCompared int       `json:"numbers_compared"`
	// Notes are about both.
	Notes []string `json:"notes"`
	// Symbols are null where not both .configs are known, or their Kconfig files are not the same;
	// then Across may say what differs.
	Symbols *configdiff.Division `json:"symbols"`
	Across  *configdiff.Crossing `json:"across,omitempty"`
}

// Between compares everything known about two kernels.
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
		c.note("findings are not compared: one of the kernels did not get as far as the probes")
	}
	return c
}

// Least returns how many comparable boots the side with fewer of them has.
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

// conditions must be the same for boots that are compared.
type conditions struct {
	run, initramfs, qemu, accel string
	memory                      int
}

func conditionsOf(r record.Record) conditions {
	own, _, _ := strings.Cut(r.Initramfs.Key, "+") // the kernel's modules follow the +
	return conditions{r.Run, own, r.Machine.QEMU, r.Machine.Accel, r.Machine.MemoryMiB}
}

// choose selects the run with the most boots of both, the newest of equals, or the newest run of
// each if no run has both. Infrastructure failures do not count as boots.
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
		c.note("A and B are the same boots: every other one is used for A, the rest for B")
		return everyOther(as, 0), everyOther(bs, 1)
	}
	return as, bs
}

// without removes the boots of the other side.
func without(all, others []record.Record) []record.Record {
	return slices.DeleteFunc(slices.Clone(all), func(r record.Record) bool {
		return slices.ContainsFunc(others, func(o record.Record) bool { return o.ID == r.ID })
	})
}

// apart notes why times are not compared.
func (c *Comparison) apart(a, b conditions) {
	why := fmt.Sprintf("the runs are %s and %s", a.run, b.run)
	if a.initramfs != b.initramfs {
		why += ", the initramfs differ, so a probe may differ too"
	}
	if a.accel != b.accel {
		why += fmt.Sprintf(", the accelerators are %s and %s", a.accel, b.accel)
	}
	c.note("times and memory are not compared, since no run has boots of both under the same conditions: %s", why)
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
