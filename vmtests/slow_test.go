package vmtests

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/record"
)

// A host that is busy elsewhere reads the console late. Nothing of it may be lost: here
// nothing is read for two seconds, in which the kernel prints its memory map.
func TestSlowHostLosesNothing(t *testing.T) {
	g, _ := testGuest(t)
	quick, err := boot(t.Context(), g)
	require.NoError(t, err)
	g.reached = func(s stage, _ int) {
		if s == stageBanner {
			<-time.After(2 * time.Second)
		}
	}
	slow, err := boot(t.Context(), g)
	require.NoError(t, err)
	assert.Equal(t, record.Completed, slow.outcome, slow.reason)
	// Its times are not recorded: netstrip did not run for two seconds of it.
	assert.Contains(t, slow.console.log.String(), "Run /init as init process\r\n", "the line is there, whole")
	assert.Contains(t, strings.Join(slow.notices, "\n"), "netstrip did not run for ")
	assert.Greater(t, len(memoryMap(quick)), 5)
	assert.Equal(t, memoryMap(quick), memoryMap(slow))
}

// memoryMap returns the lines of the log about memory, which are the same on every boot,
// and the one before them.
func memoryMap(r result) []string {
	var lines []string
	for line := range strings.Lines(r.console.log.String()) {
		if strings.Contains(line, "BIOS-") || strings.Contains(line, "Command line: ") {
			lines = append(lines, line)
		}
	}
	return lines
}
