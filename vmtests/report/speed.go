package report

import (
	"fmt"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Speed is the measured speed of one way between two threads, absolute and relative.
type Speed struct {
	Record  string `json:"record"`
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Accel is the guest's accelerator. RatiosOnly is set under tcg, where the numbers are those
	// of the emulator, and only ratios are meaningful.
	Accel      string `json:"accel"`
	RatiosOnly bool   `json:"ratios_only"`
	// Probe is the ID, Verdict and Errno its answer, Numbers those of wire.
	Probe   string             `json:"probe"`
	Verdict wire.Verdict       `json:"verdict"`
	Errno   string             `json:"errno,omitempty"`
	Numbers map[string]float64 `json:"numbers,omitempty"`
	// Latency and Throughput are relative to TCP on 127.0.0.1 in the same boot, each first
	// divided by that of the pipe that took turns with it; 0 if one of the two was not measured.
	Latency    float64 `json:"latency_ratio"`
	Throughput float64 `json:"throughput_ratio"`
}

// yardstick is the probe that all others are compared with.
const yardstick = wire.PerfFamily + "/tcp4"

// Speeds returns what was measured in recorded boots.
func Speeds(records []record.Record) []Speed {
	all := []Speed{}
	for _, r := range records {
		against, _ := Finding(r, yardstick)
		for _, id := range Probes(r) {
			f, ok := Finding(r, id)
			if !ok || !within(id, wire.PerfFamily) {
				continue
			}
			all = append(all, Speed{
				Record: r.ID, Profile: r.Profile, Series: r.Series,
				Accel: r.Machine.Accel, RatiosOnly: r.Machine.Accel == "tcg",
				Probe: id, Verdict: f.Verdict, Errno: f.Errno, Numbers: f.Numbers,
				Latency:    ratio(f.Numbers[wire.TripX], against.Numbers[wire.TripX]),
				Throughput: ratio(f.Numbers[wire.MBsX], against.Numbers[wire.MBsX]),
			})
		}
	}
	return all
}

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}

// SpeedTable returns the speeds as a table, with notes on how to read it.
func SpeedTable(speeds []Speed) table.Table {
	t := table.Table{Value: speeds, Head: []string{"", "median", "95 %", "p90", "p99", "x tcp4", "MB/s", "95 %", "x tcp4"}}
	if len(speeds) == 0 {
		t.Notes = []string{"nothing was measured; netstrip bench does that"}
		return t
	}
	several, emulated, repeats, trips := false, false, 0.0, 0.0
	for _, s := range speeds {
		several = several || s.Record != speeds[0].Record
		emulated = emulated || s.RatiosOnly
		repeats, trips = max(repeats, s.Numbers[wire.Repeats]), max(trips, s.Numbers[wire.Trips])
	}
	for _, s := range speeds {
		t.Add(s.row(several)...)
	}
	t.Notes = []string{fmt.Sprintf("Latency in µs of a byte to another thread and back; throughput of 256 KiB at a time. Medians of %.0f repeats, of %.0f round trips each, with their 95 %% confidence intervals.", repeats, trips)}
	if emulated {
		t.Notes = append(t.Notes, "Measured under emulation (tcg): only the ratios mean something.")
	}
	return t
}

// row returns the row of a speed, with the name of its profile if there are several.
func (s Speed) row(several bool) []string {
	label := name(s.Probe)
	if several {
		label = name(s.Profile) + " " + label
	}
	n := s.Numbers
	if s.Verdict != wire.Works || n[wire.P50] <= 0 {
		return []string{label, joined(name(string(s.Verdict)), name(s.Errno))}
	}
	us := func(key string) string { return fmt.Sprintf("%.1f", n[key]) }
	return []string{
		label, us(wire.P50), us(wire.P50Low) + " to " + us(wire.P50High), us(wire.P90), us(wire.P99), times(s.Latency),
		fmt.Sprintf("%.0f", n[wire.MBs]), fmt.Sprintf("%.0f to %.0f", n[wire.MBsLow], n[wire.MBsHigh]), times(s.Throughput),
	}
}

func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}
