package report

import (
	"testing"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
)

// The cell of a user's program says how it ended, or which call decided.
func TestCellOfProgram(t *testing.T) {
	for want, f := range map[string]wire.Finding{
		"works":           {Verdict: wire.Works, Exit: &wire.Exit{}},
		"exit status 3":   {Verdict: wire.Inconclusive, Value: "exit status 3", Exit: &wire.Exit{Code: 3}},
		"killed by \\x1b": {Verdict: wire.Inconclusive, Value: "killed by \x1b", Exit: &wire.Exit{Code: 130}},
		"ENOSYS socket":   {Verdict: wire.Absent, Errno: "ENOSYS", Call: "socket(AF_UNIX)", Exit: &wire.Exit{Code: 3}},
		"inconclusive":    {Verdict: wire.Inconclusive, Exit: &wire.Exit{Code: 124, Limit: "late"}},
	} {
		f.ID = "exec/x"
		assert.Equal(t, want, probeCell(record.Record{Findings: []wire.Finding{f}}, f.ID).Text)
	}
}
