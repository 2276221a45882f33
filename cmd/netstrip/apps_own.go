package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// writeOwn says of the user's own applications that nothing is expected of them, and of
// those that do not work with the whole network that nothing follows from the rest.
func writeOwn(b *strings.Builder, records []record.Record) {
	var own []string
	full, failing := false, false
	for _, r := range records {
		full = full || ownFull(r) && r.Outcome == record.Completed
		for _, f := range r.Findings {
			if !slices.Contains(r.Own, f.ID) {
				continue
			}
			own = append(own, report.Escape(f.ID, 80))
			failing = failing || f.Verdict != wire.Works
			if f.Verdict != wire.Works && ownFull(r) {
				fmt.Fprintf(b, "%s does not work on %s, which has the whole network: what it finds on other profiles tells nothing of the network. It is %s there: %s\n",
					report.Escape(f.ID, 80), report.Escape(r.Profile, 60), f.Verdict, report.Escape(f.Detail, 300))
			}
		}
	}
	if own == nil {
		return
	}
	slices.Sort(own)
	own = slices.Compact(own)
	const most = 6
	more := ""
	if n := len(own) - most; n > 0 {
		own, more = own[:most], fmt.Sprintf(" and %d more", n)
	}
	subject, work := "they are", "they work"
	if len(own) == 1 {
		subject, work = "it is", "it works"
	}
	fmt.Fprintf(b, "No expectation is kept for %s%s: %s your own.\n", strings.Join(own, ", "), more, subject)
	if !full && failing {
		fmt.Fprintf(b, "Whether %s with the whole network was not asked: --profile full does.\n", work)
	}
}

// ownFull reports whether a boot was of a kernel with the whole network.
func ownFull(r record.Record) bool {
	return r.Profile == fullApps || strings.HasPrefix(r.Profile, fullApps+"+")
}

// fullApps is the profile that has all that applications may want.
const fullApps = "full+apps"
