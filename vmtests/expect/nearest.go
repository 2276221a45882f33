package expect

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Comparison is what differs between a record and the expectation that it was compared with.
type Comparison struct {
	// Set has that expectation: the kernel series, and the architecture unless it is x86_64, such
	// as 6.12 or 6.12-arm64.
	Set string `json:"set"`
	// Nearest is set if the record's own series and architecture have no expectation of its
	// profile, and Set is the nearest that has one. Differences are then not failures.
	Nearest bool `json:"nearest,omitempty"`
	// Differences are the differences, in the order of the probes.
	Differences []Deviation `json:"differences"`
}

// Compare compares a record with the expectation of its series, architecture and profile or,
// without one, with the nearest:
//
//   - that of the nearest series of the same architecture, otherwise
//   - that of the nearest series, which may be the same, of x86_64, otherwise of any architecture.
//
// The nearest series is the one with the fewest releases in between; of two, the older. It returns
// ErrNoExpectation if no set has an expectation of the profile.
func Compare(r record.Record) (Comparison, error) { return Files{}.Compare(r) }

// Compare is the function Compare with these expectations.
func (f Files) Compare(r record.Record) (Comparison, error) {
	c := Comparison{Set: r.Variant(), Differences: []Deviation{}}
	want, err := f.expectation(c.Set, r)
	if errors.Is(err, ErrNoExpectation) {
		c.Nearest = true
		if c.Set, err = f.nearest(c.Set, r.Profile); err == nil {
			want, err = f.expectation(c.Set, r)
		}
	}
	if err != nil {
		return Comparison{}, err
	}
	c.Differences = append(c.Differences, deviations(want, r)...)
	return c, nil
}

// nearest returns the set nearest to own that has an expectation of the profile.
func (f Files) nearest(own, profile string) (string, error) {
	from, ok := parseSet(own)
	if !ok {
		return "", ErrNoExpectation
	}
	dirs, err := fs.ReadDir(f.fs(), "testdata")
	if err != nil {
		return "", fmt.Errorf("listing the expectations: %w", err)
	}
	best, least := "", []int(nil)
	for _, dir := range dirs {
		to, ok := parseSet(dir.Name())
		if _, err := f.of(dir.Name(), profile); !ok || err != nil {
			continue
		}
		if far := from.distance(to); best == "" || slices.Compare(far, least) < 0 {
			best, least = dir.Name(), far
		}
	}
	if best == "" {
		return "", fmt.Errorf("%s: %w", profile, ErrNoExpectation)
	}
	return best, nil
}

// Kernels returns the names of all boots without chosen probes that have an expectation, each with
// its series, and with its architecture unless that is x86_64.
func Kernels() (all []ref.Ref, err error) {
	err = fs.WalkDir(golden, "testdata", func(path string, d fs.DirEntry, err error) error {
		name, file := strings.CutSuffix(strings.TrimPrefix(path, "testdata/"), ".txt")
		set, boot, ok := strings.Cut(name, "/")
		if err != nil || !file || !ok || strings.HasPrefix(boot, wire.PerfFamily+"/") {
			return err
		}
		r, of := ref.Parse(boot), ref.Parse("full@"+set)
		r.Series, r.Arch = of.Series, of.Arch
		all = append(all, r)
		return nil
	})
	return all, err
}

// Series returns the kernel series that have expectations on some architecture.
func Series() (all []string) {
	dirs, _ := golden.ReadDir("testdata") // embedded, so that it can be read
	for _, dir := range dirs {
		if series, _, _ := strings.Cut(dir.Name(), "-"); !slices.Contains(all, series) {
			all = append(all, series)
		}
	}
	return all
}

// set is the name of a set of expectations.
type set struct {
	major, minor int
	arch         string // empty for x86_64
}

func parseSet(name string) (s set, ok bool) {
	series, arch, _ := strings.Cut(name, "-")
	s.arch = arch
	_, err := fmt.Sscanf(series, "%d.%d", &s.major, &s.minor)
	return s, err == nil
}

// releases is the most releases that a major version has had since 3.0; other versions come close.
const releases = 21

// distance returns how far a set is from another: by architecture, then by releases, then by age.
func (s set) distance(to set) []int {
	arch, younger := 2, 0
	switch to.arch {
	case s.arch:
		arch = 0
	case "":
		arch = 1
	}
	between := (to.major-s.major)*releases + to.minor - s.minor
	if between > 0 {
		younger = 1
	}
	return []int{arch, max(between, -between), younger}
}

// endsAsNearest reports whether the outcome of a boot is that of the nearest expectation.
func endsAsNearest(r record.Record) bool {
	c, err := Compare(r)
	return err == nil && !slices.ContainsFunc(c.Differences, func(d Deviation) bool { return d.Probe == outcomeID })
}
