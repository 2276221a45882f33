package expect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Write lists where records differ from their expectations, and what has no expectation.
func Write(b *strings.Builder, records []record.Record) {
	var without []string
	for _, r := range records {
		head := report.Escape(r.Profile, 60)
		devs, err := Deviations(r)
		switch {
		case r.Outcome.RigFault():
			continue // the summary has said so
		case errors.Is(err, ErrNoExpectation):
			without = append(without, head)
		case err != nil:
			fmt.Fprintf(b, "%s could not be compared with an expectation: %s\n", head, report.Escape(err.Error(), 300))
		}
		for _, d := range InShort(r, devs) {
			fmt.Fprintf(b, "%s differs from its expectation: %s\n", head, report.Escape(d.String(), 300))
		}
	}
	if without != nil {
		fmt.Fprintf(b, "No expectation is kept for %s.\n", strings.Join(without, ", "))
	}
	writeUnexpected(b, records)
	writeOwn(b, records)
}

// Judge returns the profiles whose boots failed for reasons outside the kernel, and those that
// differ from their expectations, with the first difference. A user's profile, which has no
// expectation, must at least complete.
func Judge(records []record.Record) (failed, differ []string, err error) {
	for _, r := range records {
		devs, err := Deviations(r)
		switch {
		case r.Outcome.RigFault() || r.Outcome == "":
			failed = append(failed, r.Profile)
		case err != nil && !errors.Is(err, ErrNoExpectation):
			return nil, nil, err
		case err != nil && r.Outcome != record.Completed:
			differ = append(differ, r.Profile)
		case len(devs) > 1:
			differ = append(differ, fmt.Sprintf("%s (%s; and %d more)", r.Profile, devs[0], len(devs)-1))
		case len(devs) > 0:
			differ = append(differ, fmt.Sprintf("%s (%s)", r.Profile, devs[0]))
		}
	}
	return failed, differ, nil
}

// writeOwn lists the user's own applications, which have no expectation. The results of one that
// does not work with the whole network say nothing about the network.
func writeOwn(b *strings.Builder, records []record.Record) {
	var own []string
	full, failing := false, false
	for _, r := range records {
		full = full || ownFull(r) && r.Outcome == record.Completed
		for _, f := range r.Findings {
			if !slices.Contains(r.Own, f.ID) {
				continue
			}
			own = append(own, f.ID)
			failing = failing || f.Verdict != wire.Works
			if f.Verdict != wire.Works && ownFull(r) {
				fmt.Fprintf(b, "%s does not work on %s, which has the whole network: its results on other profiles say nothing about the network. It is %s there: %s\n",
					report.Escape(f.ID, 80), report.Escape(r.Profile, 60), report.Escape(string(f.Verdict), 20), report.Escape(f.Detail, 300))
			}
		}
	}
	if own == nil {
		return
	}
	subject, work := "they are", "they work"
	if slices.Sort(own); len(slices.Compact(slices.Clone(own))) == 1 {
		subject, work = "it is", "it works"
	}
	fmt.Fprintf(b, "No expectation is kept for %s: %s your own.\n", someOf(own), subject)
	if !full && failing {
		fmt.Fprintf(b, "Not tested: whether %s with the whole network; --profile full tests it.\n", work)
	}
}

// writeUnexpected lists netstrip's own applications that were run without an expectation.
func writeUnexpected(b *strings.Builder, records []record.Record) {
	var names, heads []string
	for _, r := range records {
		list, err := Unexpected(r)
		list = slices.DeleteFunc(list, func(id string) bool { return slices.Contains(r.Own, id) })
		if err != nil || len(list) == 0 {
			continue // Judge returns the error
		}
		names, heads = append(names, list...), append(heads, report.Escape(r.Profile, 60)+" on "+report.Escape(r.Series, 20))
	}
	if heads != nil {
		fmt.Fprintf(b, "No expectation is kept for %s of %s.\n", someOf(names), someOf(heads))
	}
}

// someOf names the first few, each once.
func someOf(all []string) string {
	return some(slices.Compact(slices.Sorted(slices.Values(all))), 6)
}

// ownFull reports whether a boot was of the kernel for applications with the whole network.
func ownFull(r record.Record) bool {
	return r.Ref().Base == "full" && r.Ref().Apps
}
