package vmtests

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/record"
)

// verdictsFile holds the verdict on each claim, as it must come out on every series.
const verdictsFile = "testdata/verdicts.txt"

// checkClaims holds the records of a whole matrix to the verdicts, and each verdict to
// resting on them: with the record of another profile in the place of one of its own it
// comes out otherwise. A claim about a profile that was not booted is left to make full.
func checkClaims(t *testing.T, records []record.Record) {
	t.Helper()
	all, err := claims.All()
	assert.NoError(t, err) // a require here, after the test, would be silent
	var got strings.Builder
	for _, c := range all {
		if !slices.ContainsFunc(c.Profiles, func(p string) bool { return !booted(records, p) }) {
			e := claims.Decide(c, records)
			fmt.Fprintln(&got, strings.TrimRight(fmt.Sprintf("%s %s; %s", c.ID, e.Verdict, e.DependsOn), "; "))
			assert.True(t, flips(c, records, e.Verdict), "%s is %s whatever kernel is put in the place of another", c.ID, e.Verdict)
		}
	}
	if *update && os.Getenv(fullEnv) != "" {
		assert.NoError(t, os.WriteFile(verdictsFile, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(verdictsFile)
	assert.NoError(t, err, "run: make update FULL=1")
	for line := range strings.Lines(got.String()) {
		assert.Contains(t, string(want), line, "the verdict has changed")
	}
}

func booted(records []record.Record, profile string) bool {
	return slices.ContainsFunc(records, func(r record.Record) bool { return r.Profile == profile })
}

// flips reports whether the verdict turns on which kernel was booted.
func flips(c claims.Claim, records []record.Record, verdict claims.Verdict) bool {
	for _, own := range c.Profiles {
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
