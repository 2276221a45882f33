package vmtests

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
)

// A busy host that reads the console late loses nothing. Here nothing is read for two seconds, in
// which the kernel prints its memory map.
func TestSlowHostLosesNothing(t *testing.T) {
	g, _ := testGuest(t)
	quick, err := guest.Boot(t.Context(), g)
	require.NoError(t, err)
	g.Reached = func(s guest.Milestone, _ int) {
		if s == guest.Banner {
			<-time.After(2 * time.Second)
		}
	}
	slow, err := guest.Boot(t.Context(), g)
	require.NoError(t, err)
	assert.Equal(t, record.Completed, slow.Outcome, slow.Reason)
	// Its times are not recorded, since netstrip did not run for two seconds.
	assert.Contains(t, string(slow.Console), "Run /init as init process\r\n", "the line is complete")
	assert.Contains(t, strings.Join(slow.Notices, "\n"), "netstrip was stopped or starved for ")
	assert.Greater(t, len(memoryMap(quick)), 5)
	assert.Equal(t, memoryMap(quick), memoryMap(slow))
}

// memoryMap returns the lines of the log about memory, which are the same on every boot,
// and the one before them.
func memoryMap(r guest.Result) []string {
	var lines []string
	for line := range strings.Lines(string(r.Console)) {
		if strings.Contains(line, "BIOS-") || strings.Contains(line, "Command line: ") {
			lines = append(lines, line)
		}
	}
	return lines
}
