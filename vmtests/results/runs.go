package results

import (
	"errors"
	"io/fs"
	"time"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Run is a run in a results file.
type Run struct {
	Run   string    `json:"run"`
	Time  time.Time `json:"time"` // when it began; zero if its name has no time in it
	Bytes int64     `json:"bytes"`
}

// Runs returns the runs of a results file, in its order.
func Runs(path string) ([]Run, error) {
	names, sizes, err := record.Store{Path: path}.Sizes()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage.Errorf("%w; netstrip run and netstrip apps make it, --results names another", err)
	}
	runs := make([]Run, 0, len(names))
	for _, name := range names {
		began, _ := time.Parse("20060102T150405Z", name[:min(len(name), len("20060102T150405Z"))])
		runs = append(runs, Run{name, began, sizes[name]})
	}
	return runs, err
}

// Limits say which runs to keep; zero means no limit.
type Limits struct {
	Last      int // how many
	OlderThan time.Duration
	Bytes     int64
}

// Exceeding returns the names of the runs that exceed the limits.
func (l Limits) Exceeding(runs []Run, now time.Time) map[string]bool {
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
