package vmtests

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/run"
)

// A kernel's answers do not depend on when or beside which kernel it was booted.
func TestOrderDoesNotMatter(t *testing.T) {
	runner := newTestRunner(t, run.Options{})
	profiles := kconfigs.Ladder()
	rand.Shuffle(len(profiles), func(i, j int) { profiles[i], profiles[j] = profiles[j], profiles[i] })
	records, err := runner.Run(t.Context(), profiles)
	require.NoError(t, err)
	for i, r := range records {
		assert.Equal(t, profiles[i].Name, r.Profile, "the records are in the order of the profiles")
		deviations, err := expect.Deviations(r)
		require.NoError(t, err)
		assert.Empty(t, deviations, "%s, booted in the order %v", r.Profile, names(profiles))
	}
}

func names(profiles []kconfigs.Profile) []string {
	var out []string
	for _, p := range profiles {
		out = append(out, p.Name)
	}
	return out
}
