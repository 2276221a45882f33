package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/shard"
)

var (
	faultTries = flag.Int("faults.tries", 1, "how often TestFaults tries each fault")
	faultTable = flag.String("faults.table", "", "the file that TestFaults adds its rows to, which TestFaults of vmtests has begun")
)

// fault befalls netstrip itself, or what it works with.
type fault struct {
	name string
	// outcome is what must come of it, in the table's words; try says it exactly.
	outcome string
	// arrange prepares the place for all tries, if need be.
	arrange func(*testing.T, *place)
	// try brings it about the nth time, from 0, and lets place.over look at its end.
	try func(t *testing.T, p *place, n int)
}

// TestFaults brings about the faults of netstrip's own world, as TestFaults of vmtests
// does the guests', and holds to the same: the outcome right, nothing left behind two
// seconds later, and nothing lost, which means that every boot that was told of is on
// the disk and complete.
func TestFaults(t *testing.T) {
	s, err := shard.Parse(os.Getenv(shard.Env), os.Getenv)
	require.NoError(t, err)
	var faults []fault
	for i, f := range allFaults() {
		if s.Of == 0 || i%s.Of == s.Index-1 {
			faults = append(faults, f)
		}
	}
	rows := make([]string, len(faults))
	t.Run("each", func(t *testing.T) {
		for i, f := range faults {
			t.Run(f.name, func(t *testing.T) { t.Parallel(); rows[i] = f.row(t) })
		}
	})
	if *faultTable == "" {
		return
	}
	table, err := os.OpenFile(*faultTable, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = table.WriteString(strings.Join(rows, ""))
	require.NoError(t, err)
	require.NoError(t, table.Close())
}

// row tries a fault as often as asked and gives its row of the table.
func (f fault) row(t *testing.T) string {
	p := newPlace(t, "initramfs")
	if f.arrange != nil {
		f.arrange(t, p)
	}
	var right, left, lost int
	var longest time.Duration
	for n := range *faultTries {
		p.results = filepath.Join(filepath.Dir(p.results), fmt.Sprintf("r%d.jsonl", n))
		p.told, p.left, p.lost = 0, nil, nil
		start := time.Now()
		if t.Run(strconv.Itoa(n+1), func(t *testing.T) { f.try(t, p, n) }) {
			right++
		}
		longest = max(longest, time.Since(start))
		assert.Empty(t, p.left, "try %d: left behind", n+1)
		assert.Empty(t, p.lost, "try %d: lost", n+1)
		left += len(p.left)
		lost += len(p.lost)
	}
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %.1f s |\n",
		f.name, f.outcome, *faultTries, right, left, lost, longest.Seconds())
}

// two is a run of two boots, one after the other.
func (p *place) two() *netstrip {
	return p.netstrip("run", "no-net", "no-net", "--jobs", "1", "--results", p.results)
}

// moment is a random one of the time that what is to be ended took when it was left
// alone. The first is past the middle: something is done by then, and something is not.
func (p *place) moment(n int) time.Duration {
	if n == 0 {
		return p.took * 6 / 10
	}
	return rand.N(p.took)
}

// resumed has the run that was cut short finished: what was there stays as it is, and
// what was missing is booted, once. A run cut short before it had a plan left nothing.
func (p *place) resumed(t *testing.T) {
	t.Helper()
	before := p.kept(t)
	n := p.run("--resume").exits(t, 0)
	after := p.kept(t)
	if len(before) == 0 && strings.Contains(n.stderr.String(), "nothing to resume") {
		return
	}
	require.Len(t, after, 2, n.stderr.String())
	assert.Equal(t, before, append([]record.Record(nil), after[:len(before)]...))
	assert.Equal(t, after[0].Run, after[1].Run)
	assert.NotEqual(t, after[0].ID, after[1].ID)
}

// lastLine is what n said last.
func (n *netstrip) lastLine() string {
	lines := strings.Split(strings.TrimSpace(n.stderr.String()), "\n")
	return lines[len(lines)-1]
}
