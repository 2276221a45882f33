package page

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// trip is a latency as a multiple of that of a pipe, and its 95 % confidence interval.
type trip struct{ mid, low, high float64 }

// measured are the latencies of channels, by probe and kernel.
type measured struct {
	names    []string
	kernels  []*kernel
	trips    map[string]map[int]trip
	emulated bool
}

// maxChannels is how many channels are plotted; netstrip knows ten.
const maxChannels = 40

// tooSlow is more than any channel takes, as a multiple of a pipe.
const tooSlow = 1e6

// measured collects the newest measurement of each channel on each kernel.
func (s *study) measured() measured {
	m := measured{trips: map[string]map[int]trip{}}
	for _, k := range s.Kernels {
		for _, r := range k.Boots {
			for _, sp := range report.Speeds([]record.Record{r}) {
				m.add(k, sp)
			}
		}
	}
	if len(m.kernels) > 0 {
		first := m.kernels[0].Index
		slices.SortStableFunc(m.names, func(a, b string) int { return cmp.Compare(m.trips[a][first].mid, m.trips[b][first].mid) })
	}
	m.names = m.names[:min(len(m.names), maxChannels)]
	m.kernels = m.kernels[:min(len(m.kernels), maxDirectories)]
	return m
}

func (m *measured) add(k *kernel, sp report.Speed) {
	m.emulated = m.emulated || sp.RatiosOnly
	t := trip{sp.Numbers[wire.TripX], sp.Numbers[wire.TripXLow], sp.Numbers[wire.TripXHigh]}
	if !(t.mid > 0 && t.mid < tooSlow) || m.trips[sp.Probe][k.Index].mid > 0 {
		return
	}
	if m.trips[sp.Probe] == nil {
		m.trips[sp.Probe] = map[int]trip{}
		m.names = append(m.names, sp.Probe)
	}
	m.trips[sp.Probe][k.Index] = t
	if !slices.Contains(m.kernels, k) {
		m.kernels = append(m.kernels, k)
	}
}

// channels plots the latency of the channels that netstrip bench measures.
func (s *study) channels() plot {
	p := plot{ID: "channels", Title: "Latency of channels between two threads"}
	m := s.measured()
	if len(m.names) == 0 {
		p.Why = "Nothing was measured; netstrip bench does that."
		return p
	}
	most := 0.0
	var rows, legend []string
	for _, name := range m.names {
		rows = append(rows, shorten(word(name), 28))
		for _, t := range m.trips[name] {
			most = max(most, t.mid, min(t.high, 2*t.mid))
		}
	}
	for _, k := range m.kernels {
		legend = append(legend, k.Name)
	}
	b := bars(rows, most, func(v float64) string { return fmt.Sprintf("%g", v) })
	b.legend(nameWidth, 14, "cat", legend...)
	for i, name := range m.names {
		for at, k := range m.kernels {
			t, ok := m.trips[name][k.Index]
			if !ok {
				continue
			}
			y := b.row(i) + barHeight/2 + 4*(float64(at)-float64(len(m.kernels)-1)/2)
			x := func(v float64) float64 { return nameWidth + min(max(v, 0), most)/most*plotWidth }
			b.line("whisker", x(t.low), y, x(t.high), y)
			b.dot(fmt.Sprintf("cat%d", at), x(t.mid), y, fmt.Sprintf("%s on %s: %.2f times a pipe (%.2f to %.2f)", rows[i], k.Name, t.mid, t.low, t.high))
		}
	}
	p.SVG = b.html("Dots: the latency of each channel, as a multiple of that of a pipe in the same boot")
	p.Caption = "A byte to another thread and back, as a multiple of a pipe's in the same boot; the lines are 95 % confidence intervals."
	if m.emulated {
		p.Caption += " Measured under emulation, where only such ratios mean something."
	}
	return p
}
