package page

import (
	"errors"
	"slices"

	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
)

// deviation is a difference from an expectation.
type deviation struct {
	Kernel *kernel
	Probe  string
	// Want and Got are answers; empty means none.
	Want, Got string
	// Linked is set if the page has a row for the probe.
	Linked bool
	// Nearest is the set of expectations, if it is not that of the kernel.
	Nearest string
}

// compare compares each boot with its expectations.
func (s *study) compare() error {
	for _, k := range s.Kernels {
		k.want = map[string]string{}
		seen := map[string]bool{}
		without := true
		for _, r := range k.Boots {
			c, err := expect.Compare(r)
			if errors.Is(err, expect.ErrNoExpectation) {
				continue
			}
			if err != nil {
				return err
			}
			without = false
			k.Expected, k.Nearest = c.Set, c.Nearest
			if r.Outcome.RigFault() {
				continue // the outcome says so; the kernel had no chance
			}
			s.take(k, r, c, seen)
		}
		if without {
			s.Without = append(s.Without, k.Name)
		}
		if k.Differ = len(seen); !without && k.Differ == 0 {
			s.asExpect++
		}
	}
	slices.SortStableFunc(s.Deviations, func(a, b deviation) int {
		return len(a.Nearest) - len(b.Nearest) // those that fail come first
	})
	return nil
}

// take adds the differences of one boot, each probe once for a kernel.
func (s *study) take(k *kernel, r record.Record, c expect.Comparison, seen map[string]bool) {
	for _, d := range expect.InShort(r, c.Differences) {
		if seen[d.Probe] {
			continue
		}
		seen[d.Probe] = true
		k.want[d.Probe] = esc(d.Want)
		one := deviation{Kernel: k, Probe: word(d.Probe), Want: esc(d.Want), Got: esc(d.Got), Linked: d.Probe != "outcome" && d.Probe != "said"}
		if c.Nearest {
			one.Nearest = c.Set
		}
		s.Deviations = append(s.Deviations, one)
	}
}
