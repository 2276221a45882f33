package vmtests

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/record"
)

// verdictsFile has the expected verdict on each claim: a line "CLAIM VERDICT" for all series and
// architectures, and a line "CLAIM@SET VERDICT" for each set of expectations where it is another.
const verdictsFile = "testdata/verdicts.txt"

// checkClaims compares the verdicts on the records of a whole matrix, all of one series and
// architecture, with the expected ones, and checks that each verdict changes if the record of another
// profile replaces one of its own. It skips claims about profiles that were not booted; make full boots
// them.
func checkClaims(t *testing.T, records []record.Record) {
	t.Helper()
	all, err := claims.All()
	assert.NoError(t, err) // a require here, after the test, would be silent
	data, err := os.ReadFile(verdictsFile)
	assert.NoError(t, err, "run: make update FULL=1")
	set, want := records[0].Variant(), parseVerdicts(string(data))
	for _, c := range all {
		if !booted(records, false, c.Profiles) || !booted(records, true, c.Measured) {
			continue
		}
		e := claims.Decide(c, records)
		got := strings.TrimRight(fmt.Sprintf("%s; %s", e.Verdict, e.DependsOn), "; ")
		assert.True(t, flips(c, records, e.Verdict), "%s is %s whichever kernel replaces another", c.ID, e.Verdict)
		if *update && os.Getenv(fullEnv) != "" {
			want.set(c.ID, set, got)
		}
		assert.Equal(t, want.on(c.ID, set), got, "the verdict on %s has changed, on %s", c.ID, set)
	}
	if *update && os.Getenv(fullEnv) != "" {
		assert.NoError(t, os.WriteFile(verdictsFile, []byte(want.text(all)), 0o644))
	}
}

// verdicts are the contents of the file of verdicts: by claim, or claim and set.
type verdicts map[string]string

func parseVerdicts(text string) verdicts {
	all := verdicts{}
	for line := range strings.Lines(text) {
		id, verdict, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[id] = verdict
	}
	return all
}

// on returns the expected verdict on a claim on a set.
func (v verdicts) on(id, set string) string { return cmp.Or(v[id+"@"+set], v[id]) }

// set changes the expected verdict on a claim on a set. That on the usual series is the one for all.
func (v verdicts) set(id, set, verdict string) {
	delete(v, id+"@"+set)
	if set == source.Usual() || v[id] == "" {
		v[id] = verdict
	} else if v[id] != verdict {
		v[id+"@"+set] = verdict
	}
}

// text returns the file, in the order of the claims.
func (v verdicts) text(all []claims.Claim) string {
	var b strings.Builder
	for _, c := range all {
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if id, _, _ := strings.Cut(key, "@"); id == c.ID {
				fmt.Fprintf(&b, "%s %s\n", key, v[key])
			}
		}
	}
	return b.String()
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

// A test that decides some claims keeps the verdicts on the others, and those on other sets.
func TestVerdictsAreKept(t *testing.T) {
	all := []claims.Claim{{ID: "C1"}, {ID: "C2"}, {ID: "C16"}, {ID: "C3"}}
	v := parseVerdicts("C2 true\nC2@6.1 false\nC16 false\nC9 gone\n")
	v.set("C1", source.Usual(), "true")
	v.set("C2", source.Usual(), "it depends; x; y")
	assert.Equal(t, "C1 true\nC2 it depends; x; y\nC2@6.1 false\nC16 false\n", v.text(all))
	v.set("C2", "6.1", "it depends; x; y")
	v.set("C16", "6.12-arm64", "true")
	assert.Equal(t, "C1 true\nC2 it depends; x; y\nC16 false\nC16@6.12-arm64 true\n", v.text(all))
	assert.Equal(t, v, parseVerdicts(v.text(append(all, claims.Claim{ID: "C9"}))))
	assert.Equal(t, "true", v.on("C16", "6.12-arm64"))
	assert.Equal(t, "false", v.on("C16", "6.1"))
}
