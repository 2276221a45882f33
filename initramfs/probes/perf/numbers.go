//go:build linux

package perf

import (
	"math"
	"slices"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// summary returns the numbers of a finding, from the seconds that the round trips and the loads
// took on the channel measured and on the pipe.
func summary(took [2][2][]float64) map[string]float64 {
	var trips, loads [2][][]float64
	for which := range trips {
		trips[which] = slices.Collect(slices.Chunk(took[0][which], tripCount))[1:]
		loads[which] = slices.Collect(slices.Chunk(took[1][which], loadCount))[1:]
	}
	n := map[string]float64{wire.Repeats: repeatCount, wire.Trips: tripCount}
	add := func(median, low, high string, values []float64) {
		slices.Sort(values)
		n[median] = quantile(values, 0.50)
		n[low], n[high] = interval(values)
	}
	trip, load := quantiles(trips[0], 0.50, 1e6), quantiles(loads[0], 0.50, 1e6/loadBytes)
	add(wire.TripX, wire.TripXLow, wire.TripXHigh, ratios(trip, quantiles(trips[1], 0.50, 1e6)))
	add(wire.MBsX, wire.MBsXLow, wire.MBsXHigh, ratios(quantiles(loads[1], 0.50, 1e6/loadBytes), load))
	add(wire.P50, wire.P50Low, wire.P50High, trip)
	for i := range load {
		load[i] = 1 / load[i]
	}
	add(wire.MBs, wire.MBsLow, wire.MBsHigh, load)
	for name, p := range map[string]float64{wire.P90: 0.90, wire.P99: 0.99} {
		n[name] = quantile(slices.Sorted(slices.Values(quantiles(trips[0], p, 1e6))), 0.50)
	}
	for name, x := range n {
		n[name] = math.Round(x*1000) / 1000 // the clock is no better
	}
	return n
}

// quantiles returns the p-quantile of each repeat, times a unit.
func quantiles(repeats [][]float64, p, unit float64) []float64 {
	var all []float64
	for _, r := range repeats {
		all = append(all, unit*quantile(slices.Sorted(slices.Values(r)), p))
	}
	return all
}

// ratios divides the values of two channels, repeat by repeat.
func ratios(a, b []float64) []float64 {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = a[i] / b[i]
	}
	return all
}

// quantile returns the least of the sorted values that a part p of them does not exceed.
func quantile(sorted []float64, p float64) float64 {
	return sorted[max(0, int(math.Ceil(p*float64(len(sorted))))-1)]
}

// interval returns the two of sorted values between which the median lies with a confidence
// of 95 %, whatever the distribution. Of n values at most k lie below the median as often
// as n throws of a coin give at most k heads: in at most 2.5 % of cases, on each side.
func interval(sorted []float64) (low, high float64) {
	n := len(sorted)
	k, heads := 0, math.Exp2(float64(-n)) // the chance of exactly k
	for sum := heads; ; k++ {
		heads *= float64(n-k) / float64(k+1)
		if sum += heads; sum > 0.025 {
			return sorted[k], sorted[n-1-k]
		}
	}
}
