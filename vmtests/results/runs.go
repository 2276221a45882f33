package results

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/netstrip/netstrip/kconfigs/units"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Run is a run in a results file.
type Run struct {
	Run   string    `json:"run"`
	Time  time.Time `json:"time"` // when it began; zero if its name has no time in it
	Bytes int64     `json:"bytes"`
}

// Cells are its name and its size.
func (r Run) Cells() []string { return []string{fmt.Sprintf("%.60s", r.Run), units.Bytes(r.Bytes)} }

// Runs returns the runs of a results file, in its order.
func Runs(path string) ([]Run, error) {
	names, sizes, err := record.Store{Path: path}.Sizes()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(err)
	}
	runs := make([]Run, 0, len(names))
	for _, name := range names {
		began, _ := time.Parse("20060102T150405Z", name[:min(len(name), len("20060102T150405Z"))])
		runs = append(runs, Run{name, began, sizes[name]})
	}
	return runs, err
}

// missing returns the error for a missing results file.
func missing(err error) error {
	return usage.Errorf("%w; netstrip run and netstrip apps make it, --results names another", err)
}

// Limits say which runs to keep; zero means no limit.
type Limits struct {
	Last      int // how many
	OlderThan time.Duration
	Bytes     int64
	// DryRun removes nothing.
	DryRun bool
}

// Prune removes the runs that exceed the limits, at least one of which must be set. It returns
// lines about what it removed.
func (l Limits) Prune(ctx context.Context, store record.Store) (lines []string, err error) {
	if l.Last <= 0 && l.OlderThan == 0 && l.Bytes == 0 {
		return nil, usage.Errorf("prune takes a limit: --keep, --older-than or --max-size")
	}
	runs, err := Runs(store.Path)
	if err != nil {
		return nil, err
	}
	did, gone := "removed", l.exceeding(runs, time.Now())
	if l.DryRun {
		did = "would remove"
	} else if len(gone) > 0 {
		err = store.Prune(ctx, func(run string) bool { return gone[run] })
	}
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if gone[r.Run] {
			lines = append(lines, fmt.Sprintf("%s %.60s: %s", did, r.Run, units.Bytes(r.Bytes)))
		}
	}
	return append(lines, fmt.Sprintf("%s %d of %d runs", did, len(gone), len(runs))), nil
}

// exceeding returns the names of the runs that exceed the limits.
func (l Limits) exceeding(runs []Run, now time.Time) map[string]bool {
	var left int64
	for _, r := range runs {
		left += r.Bytes
	}
	gone := map[string]bool{}
	for i, r := range runs {
		old := l.OlderThan > 0 && !r.Time.IsZero() && now.Sub(r.Time) > l.OlderThan
		if l.Last > 0 && len(runs)-i > l.Last || old || l.Bytes > 0 && left > l.Bytes {
			gone[r.Run] = true
			left -= r.Bytes
		}
	}
	return gone
}
