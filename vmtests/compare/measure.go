package compare

import (
	"math"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"

	"github.com/netstrip/netstrip/vmtests/record"
)

// Measure is something measured in each boot of both kernels.
type Measure struct {
	// Name is a phase, such as first_event, mem_available_kb, or "PROBE NUMBER".
	Name string `json:"name"`
	// Unit is s, KiB, or empty if only the number's name implies it.
	Unit string `json:"unit"`
	A    Sample `json:"a"`
	B    Sample `json:"b"`
	// Difference is B's median minus A's.
	Difference float64 `json:"difference"`
	// P is the probability of such a difference by chance alone, 1 if there are too few boots.
	// Significant says that it is at most 0.05.
	P           float64 `json:"p"`
	Significant bool    `json:"significant"`
	// Warnings name the statistics for which there are too few boots.
	Warnings []string `json:"warnings"`
}

// Sample is the values of one side.
type Sample struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	// Low and High are the median's 95 % confidence interval; nil with less than six boots.
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
}

// measures compares times and memory.
func measures(as, bs []record.Record) []Measure {
	all := []Measure{}
	for _, m := range []struct {
		name, unit string
		of         func(r record.Record) float64
	}{
		{"first_byte", "s", func(r record.Record) float64 { return r.Phases.FirstByte }},
		{"banner", "s", func(r record.Record) float64 { return r.Phases.Banner }},
		{"init", "s", func(r record.Record) float64 { return r.Phases.Init }},
		{"first_event", "s", func(r record.Record) float64 { return r.Phases.FirstEvent }},
		{"guest_start", "s", func(r record.Record) float64 { return r.Phases.GuestStart }},
		{"done", "s", func(r record.Record) float64 { return r.Phases.Done }},
		{"exit", "s", exit},
		{"mem_available_kb", "KiB", available},
	} {
		all = append(all, compare(m.name, m.unit, values(as, m.of), values(bs, m.of)))
	}
	return slices.DeleteFunc(all, func(m Measure) bool { return m.A.N+m.B.N == 0 })
}

// exit is unknown if the guest had to be killed.
func exit(r record.Record) float64 {
	if r.Outcome != record.Completed {
		return 0
	}
	return r.Phases.Exit
}

func available(r record.Record) float64 {
	if r.Hello == nil {
		return 0
	}
	return float64(r.Hello.MemAvailableKB)
}

// values omits boots that did not get that far, whose value is 0.
func values(records []record.Record, of func(record.Record) float64) []float64 {
	var all []float64
	for _, r := range records {
		if v := of(r); v > 0 {
			all = append(all, v)
		}
	}
	return all
}

// numbers compares the probes' numbers, and returns those that differ, by name.
func numbers(as, bs []record.Record) (differ []Measure, compared int) {
	a, b := byNumber(as), byNumber(bs)
	differ = []Measure{}
	for name := range a {
		if len(b[name]) == 0 {
			continue
		}
		m := compare(name, "", a[name], b[name])
		if m.tooFew() {
			continue
		}
		compared++
		if m.Significant {
			differ = append(differ, m)
		}
	}
	slices.SortFunc(differ, func(a, b Measure) int { return strings.Compare(a.Name, b.Name) })
	return differ, compared
}

// tooGreat is larger than any measurement; a guest can send larger numbers, whose differences
// are not finite.
const tooGreat = 1e100

func byNumber(records []record.Record) map[string][]float64 {
	all := map[string][]float64{}
	for _, r := range records {
		for _, f := range r.Findings {
			for name, v := range f.Numbers {
				if math.Abs(v) < tooGreat {
					all[f.ID+" "+name] = append(all[f.ID+" "+name], v)
				}
			}
		}
	}
	return all
}

// compare compares two samples.
func compare(name, unit string, a, b []float64) Measure {
	m := Measure{Name: name, Unit: unit, P: 1, Warnings: []string{}}
	if len(a) > 0 && len(b) > 0 {
		x, y := benchmath.NewSample(a, &benchmath.DefaultThresholds), benchmath.NewSample(b, &benchmath.DefaultThresholds)
		c := benchmath.AssumeNothing.Compare(x, y)
		m.P, m.Significant = c.P, c.P <= c.Alpha
		m.warn(c.Warnings)
	}
	m.A, m.B = m.summary(a), m.summary(b)
	if len(a) > 0 && len(b) > 0 {
		m.Difference = m.B.Median - m.A.Median
	}
	return m
}

// tooFew reports whether no difference, however great, could be significant: two of all
// orders of the values are extreme.
func (m *Measure) tooFew() bool {
	orders := new(big.Int).Binomial(int64(m.A.N+m.B.N), int64(m.A.N))
	return orders.Cmp(big.NewInt(int64(2/benchmath.DefaultThresholds.CompareAlpha))) < 0
}

func (m *Measure) summary(values []float64) Sample {
	if len(values) == 0 {
		return Sample{}
	}
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), 0.95)
	m.warn(s.Warnings)
	sample := Sample{N: len(values), Median: s.Center}
	if !math.IsInf(s.Lo, 0) && !math.IsInf(s.Hi, 0) {
		sample.Low, sample.High = &s.Lo, &s.Hi
	}
	return sample
}

func (m *Measure) warn(warnings []error) {
	for _, w := range warnings {
		if !slices.Contains(m.Warnings, w.Error()) {
			m.Warnings = append(m.Warnings, w.Error())
		}
	}
}
