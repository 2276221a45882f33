package expect

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Report writes a table of records and a summary, and unless that is Markdown where they differ
// from what is expected.
func Report(w io.Writer, records []record.Record, o report.TableOptions) error {
	var b strings.Builder
	if err := report.Table(&b, records, o); err != nil {
		return err
	}
	b.WriteString("\n")
	if err := report.Summary(&b, records, o); err != nil {
		return err
	}
	if !o.Markdown {
		write(&b, records)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// write says where records differ from what is expected of their profiles, and of what nothing
// is expected.
func write(b *strings.Builder, records []record.Record) {
	var without []string
	var near []record.Record
	for _, r := range records {
		head := report.Escape(r.Profile, 60)
		devs, err := Deviations(r)
		c, none := Compare(r)
		switch {
		case r.Outcome.RigFault():
			continue // the summary has said so
		case none == nil && c.Nearest:
			near = append(near, r)
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
	writeNearest(b, near)
	writeUnexpected(b, records)
	writeOwn(b, records)
}

// ErrDiffers says that kernels did not do what is expected of them.
var ErrDiffers = errors.New("not as expected")

// Judge returns an error that names the profiles whose boots failed for reasons outside the
// kernel or, with ErrDiffers, those that differ from what is expected of them, with the first
// difference. A profile without an expectation must at least complete, or end as the nearest
// expectation says.
func Judge(records []record.Record) error {
	var failed, differ []string
	for _, r := range records {
		devs, err := Deviations(r)
		switch {
		case r.Outcome.RigFault() || r.Outcome == "":
			failed = append(failed, r.Profile)
		case err != nil && !errors.Is(err, ErrNoExpectation):
			return err
		case err != nil && r.Outcome != record.Completed && !endsAsNearest(r):
			differ = append(differ, r.Profile)
		case len(devs) > 1:
			differ = append(differ, fmt.Sprintf("%s (%s; and %d more)", r.Profile, devs[0], len(devs)-1))
		case len(devs) > 0:
			differ = append(differ, fmt.Sprintf("%s (%s)", r.Profile, devs[0]))
		}
	}
	switch {
	case failed != nil:
		return fmt.Errorf("infrastructure failure, no result for %s", strings.Join(failed, ", "))
	case differ != nil:
		return fmt.Errorf("%w: %s", ErrDiffers, strings.Join(differ, ", "))
	}
	return nil
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
		names, heads = append(names, list...), append(heads, report.Escape(r.Profile, 60)+" on "+report.Escape(r.Variant(), 20))
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
