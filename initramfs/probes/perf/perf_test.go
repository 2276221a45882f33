//go:build linux

package perf

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes/sock"
	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestQuantile(t *testing.T) {
	ten := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for p, want := range map[float64]float64{0: 1, 0.5: 5, 0.9: 9, 0.91: 10, 0.99: 10, 1: 10} {
		assert.Equal(t, want, quantile(ten, p), "%v", p)
	}
	assert.Equal(t, 7.0, quantile([]float64{7}, 0.99))
}

// The ranks are those in tables of the sign test: the 6th and the 16th of 21 values.
func TestInterval(t *testing.T) {
	for n, rank := range map[int]int{6: 1, 8: 1, 9: 2, 20: 6, 21: 6, 25: 8, 100: 40} {
		sorted := make([]float64, n)
		for i := range sorted {
			sorted[i] = float64(i + 1)
		}
		low, high := interval(sorted)
		assert.Equal(t, float64(rank), low, "of %d", n)
		assert.Equal(t, float64(n+1-rank), high, "of %d", n)
	}
}

// The interval contains the median as often as it claims, for values as skewed as latencies.
func TestIntervalCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const tries = 4000
	held := 0
	for range tries {
		values := make([]float64, repeatCount)
		for i := range values {
			values[i] = math.Exp(random.NormFloat64()) // its median is 1
		}
		slices.Sort(values)
		if low, high := interval(values); low <= 1 && 1 <= high {
			held++
		}
	}
	assert.InDelta(t, 0.973, float64(held)/tries, 0.01) // the confidence of ranks 6 and 16 of 21
}

func TestSummary(t *testing.T) {
	var took [2][2][]float64
	for which := range 2 {
		for repeat := range 1 + repeatCount { // the first does not count
			for i := range tripCount {
				took[0][which] = append(took[0][which], float64(100*repeat+i)/float64(1+which)/1e6)
			}
			for range loadCount {
				took[1][which] = append(took[1][which], loadBytes/1e6/float64(200-repeat)/float64(1+which))
			}
		}
	}
	assert.Equal(t, map[string]float64{
		wire.P50: 1149, wire.P50Low: 649, wire.P50High: 1649, wire.P90: 1189, wire.P99: 1198,
		wire.MBs: 189, wire.MBsLow: 184, wire.MBsHigh: 194,
		wire.TripX: 2, wire.TripXLow: 2, wire.TripXHigh: 2, wire.MBsX: 0.5, wire.MBsXLow: 0.5, wire.MBsXHigh: 0.5,
		wire.Repeats: repeatCount, wire.Trips: tripCount,
	}, summary(took))
}

// A pipe compared with a pipe has ratios near 1.
func TestPipeAgainstPipe(t *testing.T) {
	a, err := overPipe(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, 1, a.Numbers[wire.TripX], 0.5)
	assert.LessOrEqual(t, a.Numbers[wire.P50], a.Numbers[wire.P90])
	assert.LessOrEqual(t, a.Numbers[wire.P90], a.Numbers[wire.P99])
	assert.Positive(t, a.Numbers[wire.MBs])
}

// A channel that ends too early causes an error and returns no numbers.
func TestMeasureFails(t *testing.T) {
	p, err := sock.Socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	require.NoError(t, unix.Shutdown(p.B, unix.SHUT_WR))
	_, err = overPair(p, "socketpair", bigMessage, loadBytes)
	assert.ErrorContains(t, err, "read: end of stream with 1 bytes missing")
	assert.ErrorContains(t, err, "write: broken pipe", "the other thread's too")
}
