// Package results selects records of a results file by names on the command line, and the runs to
// prune. It runs on the host.
package results

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Results is a results file.
type Results struct {
	Path string
	// Damaged is called with the damaged lines found.
	Damaged func([]record.Damage)
}

// Open opens the results, and reports the damage that shows without decoding the records.
func (r Results) Open() (*record.File, error) {
	file, err := record.Store{Path: r.Path}.Open()
	if err == nil {
		r.Damaged(file.Damage)
	}
	return file, err
}

// Check reports the same damage and closes the file, which need not exist.
func (r Results) Check() error {
	file, err := r.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = file.Close()
	}
	return err
}

// open opens the results, which must have a record.
func (r Results) open() (*record.File, error) {
	file, err := r.Open()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missing(err)
	case err != nil || len(file.Records) > 0:
		return file, err
	case len(file.Damage) > 0:
		err = fmt.Errorf("no record in %s is intact", r.Path)
	default:
		err = usage.Errorf("%s has no records; netstrip run adds some", r.Path)
	}
	file.Close()
	return nil, err
}

// Load reads the records that choose selects. Those passed to choose are not all decoded (see
// record.File).
func (r Results) Load(choose func([]record.Record) []record.Record) ([]record.Record, error) {
	file, err := r.open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.Intact(choose(file.Records), r.Damaged)
}

// Choose returns the records that args select, and whether they are a whole run. The first of args
// is a record, run, profile or latest, the default; the second is the ID of a probe.
func (r Results) Choose(args ...string) (chosen []record.Record, whole bool, err error) {
	file, err := r.open()
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	if len(args) == 0 || args[0] == "latest" {
		latest := slices.MaxFunc(file.Records, func(a, b record.Record) int { return cmp.Compare(a.Run, b.Run) })
		chosen, err = file.Intact(record.Find(file.Records, latest.Run), r.Damaged)
		return chosen, true, err
	}
	args = slices.Clone(args)
	chosen = record.Find(file.Records, args[0])
	if len(chosen) == 0 || chosen[0].Run != args[0] && chosen[0].ID != args[0] {
		if name := onArch(args[0]); len(record.Find(file.Records, name)) > 0 {
			args[0], chosen = name, record.Find(file.Records, name)
		}
	}
	if len(chosen) == 0 {
		return nil, false, usage.Errorf("no such record, run or profile in %[2]s: %[1]q; the latest run is %[3]s",
			args[0], r.Path, file.Records[len(file.Records)-1].Run)
	}
	whole = chosen[0].Run == args[0] && chosen[0].ID != args[0]
	if len(args) == 2 && !whole && chosen[0].ID != args[0] {
		chosen, err = r.asking(file, chosen[0], args)
	} else {
		chosen, err = file.Intact(chosen, r.Damaged)
	}
	if err == nil && len(args) == 2 && slices.ContainsFunc(chosen, knows(args[1])) {
		chosen = slices.DeleteFunc(chosen, func(r record.Record) bool { return !knows(args[1])(r) })
	}
	return chosen, whole, err
}

// onArch returns the name of a profile with its architecture as records have it or, without one, with
// that in NETSTRIP_ARCH.
func onArch(name string) string {
	r := ref.Parse(name)
	r.Arch = cmp.Or(r.Arch, os.Getenv(arch.Env))
	if a, err := arch.Parse(r.Arch); err == nil && r.Arch != "" {
		r.Arch = a.Name
	}
	return r.String()
}

// Unfinished says which of the runs of some records lack boots.
func (r Results) Unfinished(records []record.Record) (notes []string) {
	all, err := record.Store{Path: r.Path}.Open()
	if err != nil {
		return nil
	}
	defer all.Close()
	plans, missing := all.Unfinished()
	for i, p := range plans {
		if slices.ContainsFunc(records, func(one record.Record) bool { return one.Run == p.Run }) {
			notes = append(notes, fmt.Sprintf("the run %s is not finished: it lacks %d of %d boots; netstrip run --resume boots them", p.Run, missing[i], len(p.Boots)))
		}
	}
	return notes
}

// Several returns the records that names select, each as the first argument of Choose, and each
// record once; without names, the latest run. If all is set, it returns the newest record of each
// kernel and choice of probes instead.
func (r Results) Several(all bool, names ...string) (chosen []record.Record, err error) {
	if all {
		return r.Load(record.Latest)
	}
	if len(names) == 0 {
		names = []string{"latest"}
	}
	for _, name := range names {
		some, _, err := r.Choose(name)
		if err != nil {
			return nil, err
		}
		for _, one := range some {
			if !slices.ContainsFunc(chosen, func(c record.Record) bool { return c.ID == one.ID }) {
				chosen = append(chosen, one)
			}
		}
	}
	return chosen, nil
}

// recent is how much of the end of a results file Words reads, in bytes: some hundred boots, in
// less time than a person notices.
const recent = 2 << 20

// Words returns completions for the arguments of Choose, each with a tab and a description: first
// profiles, runs and record IDs, then the probes of the chosen record.
func (r Results) Words(args ...string) (words []string) {
	records, _ := record.Store{Path: r.Path}.Recent(recent)
	add := func(word, about string) {
		// A line break or an escape from a guest must not reach the shell.
		if report.Escape(word, len(word)) == word {
			words = append(words, strings.TrimSuffix(word+"\t"+about, "\t"))
		}
	}
	switch len(args) {
	case 0:
		for _, one := range record.Latest(records) {
			name := one.Profile
			if found := record.Find(records, name); len(found) != 1 || found[0].ID != one.ID {
				name = one.Ref().String() // a newer record of another series or architecture has the short name
			}
			add(name, "its latest record, "+string(one.Outcome))
		}
		for _, run := range record.ByRun(records) {
			add(run[0].Run, "a run")
		}
		for _, one := range records {
			add(one.ID, string(one.Outcome))
		}
	case 1:
		if found := record.Find(records, args[0]); len(found) > 0 {
			for _, id := range report.Probes(found[0]) {
				add(id, "")
			}
		}
	}
	return words
}

// knows returns a function that reports whether a record has a probe.
func knows(probe string) func(record.Record) bool {
	return func(r record.Record) bool { _, err := report.Only([]record.Record{r}, probe); return err == nil }
}

// asking returns the newest record of the profile args[0] that has the probe args[1], or newest if
// none has.
func (r Results) asking(file *record.File, newest record.Record, args []string) ([]record.Record, error) {
	all := slices.Clone(file.Records)
	slices.Reverse(all) // of two with the same time, the later line first
	slices.SortStableFunc(all, func(a, b record.Record) int { return b.Time.Compare(a.Time) })
	for _, one := range all {
		if !one.Called(args[0]) {
			continue
		}
		one, _, err := file.Read([]record.Record{one})
		if err != nil || slices.ContainsFunc(one, knows(args[1])) {
			return one, err
		}
	}
	return file.Intact([]record.Record{newest}, r.Damaged)
}

// ByLadder sorts records by the order of the ladder, and those of one kernel by the order of the
// inits.
func ByLadder(records []record.Record) {
	place := func(r record.Record) int {
		i := slices.IndexFunc(kconfigs.Profiles(), func(p kconfigs.Profile) bool { return p.Name == r.Ref().Base })
		return i & math.MaxInt // -1, for a profile that is not on the ladder, sorts last
	}
	init := func(r record.Record) int {
		return slices.IndexFunc(initramfs.Inits(), func(i initramfs.Init) bool { return i.Name == r.Init })
	}
	slices.SortStableFunc(records, func(a, b record.Record) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(init(a), init(b)))
	})
}
