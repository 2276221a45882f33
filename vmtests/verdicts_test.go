package vmtests

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/record"
)

// verdictsFile has the expected verdict on each claim, on every series.
const verdictsFile = "testdata/verdicts.txt"

// checkClaims compares the verdicts on the records of a whole matrix with the expected ones, and
// checks that each verdict changes if the record of another profile replaces one of its own. It
// skips claims about profiles that were not booted; make full boots them.
func checkClaims(t *testing.T, records []record.Record) {
	t.Helper()
	all, err := claims.All()
	assert.NoError(t, err) // a require here, after the test, would be silent
	var got strings.Builder
	for _, c := range all {
		if booted(records, false, c.Profiles) && booted(records, true, c.Measured) {
			e := claims.Decide(c, records)
			fmt.Fprintln(&got, strings.TrimRight(fmt.Sprintf("%s %s; %s", c.ID, e.Verdict, e.DependsOn), "; "))
			assert.True(t, flips(c, records, e.Verdict), "%s is %s whichever kernel replaces another", c.ID, e.Verdict)
		}
	}
	want, err := os.ReadFile(verdictsFile)
	assert.NoError(t, err, "run: make update FULL=1")
	if *update && os.Getenv(fullEnv) != "" {
		want = []byte(merged(all, string(want), got.String()))
		assert.NoError(t, os.WriteFile(verdictsFile, want, 0o644))
	}
	for line := range strings.Lines(got.String()) {
		assert.Contains(t, string(want), line, "the verdict has changed")
	}
}

// merged returns the lines of now, and those of before for the claims that now lacks.
func merged(all []claims.Claim, before, now string) string {
	var lines strings.Builder
	for _, c := range all {
		for _, text := range []string{now, before} {
			if at := strings.Index("\n"+text, "\n"+c.ID+" "); at >= 0 {
				line, _, _ := strings.Cut(text[at:], "\n")
				lines.WriteString(line + "\n")
				break
			}
		}
	}
	return lines.String()
}

// booted reports whether there is a record of each of the profiles, with all or with chosen
// probes.
func booted(records []record.Record, chosen bool, profiles []string) bool {
	for _, p := range profiles {
		if !slices.ContainsFunc(records, func(r record.Record) bool { return r.Profile == p && (r.Probes != "") == chosen }) {
			return false
		}
	}
	return true
}

// flips reports whether the verdict changes if one kernel replaces another.
func flips(c claims.Claim, records []record.Record, verdict claims.Ruling) bool {
	for _, own := range slices.Concat(c.Profiles, c.Measured) {
		for _, other := range records {
			swapped := slices.Clone(records)
			for i, r := range swapped {
				if r.Profile == own {
					swapped[i] = other
					swapped[i].Profile, swapped[i].Time = own, r.Time
				}
			}
			if claims.Decide(c, swapped).Verdict != verdict {
				return true
			}
		}
	}
	return false
}

// A verdict that rests on measurements changes with them.
func TestMeasuredVerdictsFlip(t *testing.T) {
	all, err := claims.All()
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(c claims.Claim) bool { return c.ID == "C10" })
	decide := func(tcp, unix, nic float64) claims.Ruling {
		number := func(id string, us float64) wire.Finding {
			return wire.Finding{ID: id, Verdict: wire.Works, Numbers: map[string]float64{wire.TripX: us / 10, wire.MBsX: 10 / us}}
		}
		return claims.Decide(all[i], []record.Record{{Profile: "full", Series: "6.12", Outcome: record.Completed, Findings: []wire.Finding{
			number("perf/tcp4", tcp), number("perf/unix/stream", unix), number("perf/nic", nic),
			number("perf/pipe", 10), number("perf/mqueue", 10), number("perf/memory", 10),
		}}}).Verdict
	}
	assert.Equal(t, claims.Depends, decide(35, 18, 200))
	assert.Equal(t, claims.True, decide(35, 35, 200))
	assert.Equal(t, claims.False, decide(35, 18, 30))
	assert.Equal(t, claims.Undecided, decide(35, 18, 50), "neither much slower nor faster")
}

// A test that decides some claims keeps the verdicts on the others.
func TestMerged(t *testing.T) {
	all := []claims.Claim{{ID: "C1"}, {ID: "C2"}, {ID: "C16"}, {ID: "C3"}}
	assert.Equal(t, "C1 true\nC2 false\nC16 false\n", merged(all, "C2 true\nC16 false\nC9 gone\n", "C1 true\nC2 false\n"))
}
