package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/packed"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/netstrip/netstrip/vmtests/record"
)

// sides are the two kernels compared, and where what is known of them came from.
type sides struct {
	both     [2]*side
	file     *record.File // nil where there is none
	read     func([]record.Record) ([]record.Record, error)
	records  []record.Record // its records, as far as it has them, run by run
	flags    flags           // with the series of both, where both are records
	builder  *kbuild.Builder
	noSource error // why there is no kernel source, where there is none
}

// side is one of the two.
type side struct {
	*compare.Side
	profile kconfigs.Profile  // what it is booted as; of records and keys the name only
	req     *kconfigs.Request // of a profile or a .config
	world   *explain.World    // as it is booted
	own     *explain.World    // as the .config has it, without what the guest needs
}

func (s *sides) comparison() *compare.Comparison {
	return compare.Between(s.both[0].Side, s.both[1].Side)
}

// findSides says which kernels are meant, and finds what there is of them. It compiles
// and boots nothing.
func (a *app) findSides(ctx context.Context, f *comparing, args []string, s *sides) error {
	s.flags = f.flags
	if err := a.loadInto(s, f.results); err != nil {
		return err
	}
	named := [2][]record.Record{}
	for i, arg := range args {
		var err error
		if named[i], err = s.named(arg); err != nil {
			return err
		}
	}
	if src := f.source(); src.Series == "" && src.Path == "" && src.URL == "" && len(named[0]) > 0 && len(named[1]) > 0 &&
		named[0][0].Series == named[1][0].Series {
		s.flags.series = named[0][0].Series
	}
	var err error
	if s.builder, err = a.builder(ctx, &s.flags); s.builder == nil {
		return err
	}
	s.noSource = err
	for i, arg := range args {
		if s.both[i], err = s.find(ctx, arg, named[i]); err != nil {
			return err
		}
		if f.config {
			s.both[i].Records = nil
		}
	}
	return nil
}

// loadInto reads the records, of which there need be none.
func (a *app) loadInto(s *sides, results string) error {
	s.close()
	file, err := record.Store{Path: results}.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	a.tell(results, file.Damage)
	s.file, s.read = file, func(chosen []record.Record) ([]record.Record, error) { return a.read(results, file, chosen) }
	for _, run := range record.ByRun(file.Records) {
		s.records = append(s.records, run...)
	}
	return nil
}

// close lets go of the records.
func (s *sides) close() {
	if s.file != nil {
		s.file.Close()
	}
	s.file, s.records = nil, nil
}

// named returns the boots that arg means as a record; none where it means something else.
func (s *sides) named(arg string) ([]record.Record, error) {
	if _, err := kconfigs.Lookup(arg); err == nil || isFile(arg) || len(s.records) == 0 {
		return nil, nil
	}
	ref := arg
	if rest, ok := strings.CutPrefix(arg, "latest"); ok && (rest == "" || rest[0] == '/') {
		ref = s.records[len(s.records)-1].Run + rest
	}
	found := s.boots(ref)
	for _, r := range found {
		if r.Profile != found[0].Profile {
			return nil, usagef("%s is a run of several kernels: name one, as %s/%s does", arg, ref, r.Profile)
		}
	}
	return found, nil
}

// boots returns those of one kernel in one run, or all of a run, or one of several boots.
func (s *sides) boots(ref string) []record.Record {
	found := record.Find(s.records, ref)
	if len(found) != 1 || found[0].ID == ref && ref != found[0].Run+"/"+found[0].Profile {
		return found
	}
	var all []record.Record
	for _, r := range s.records {
		if r.Run == found[0].Run && r.Profile == found[0].Profile {
			all = append(all, r)
		}
	}
	return all
}

// find finds one side.
func (s *sides) find(ctx context.Context, arg string, named []record.Record) (*side, error) {
	one := &side{Side: &compare.Side{Name: arg, Notes: []string{}}}
	if s.noSource != nil && len(named) == 0 {
		if named = s.boots(arg); len(named) == 0 { // a profile, by its latest record
			return nil, s.noSource
		}
	}
	if len(named) > 0 {
		return one, one.recorded(ctx, s, named)
	}
	if err := one.lookup(ctx, s, arg); err != nil {
		return nil, err
	}
	return one, one.match(s)
}

// match takes the records of the kernel.
func (s *side) match(from *sides) (err error) {
	s.Records = nil
	for _, r := range from.records {
		if s.Kernel != nil && r.Kernel.Key == s.Kernel.Key {
			s.Records = append(s.Records, r)
		}
	}
	if from.file != nil {
		s.Records, err = from.read(s.Records)
	}
	return err
}

// recorded takes records for what is known.
func (s *side) recorded(ctx context.Context, from *sides, records []record.Record) error {
	var err error
	if s.Records, err = from.read(records); err != nil {
		return err
	}
	s.profile.Name = records[0].Profile
	k := s.Records[0].Kernel
	if s.Kernel, err = from.builder.Find(k.Key); err == nil {
		return s.made(ctx, from, s.profile.Name)
	}
	s.note("the kernel of %s is no longer in the cache: its .config and its sizes by directory are unknown", s.Name)
	s.Kernel = &kbuild.Kernel{Built: k}
	return nil
}

// made finds out which of the profiles named makes the kernel, so that what it asks for is
// known, and how the kernel is made again.
func (s *side) made(ctx context.Context, from *sides, names ...string) error {
	build := ""
	for _, name := range names {
		p, err := kconfigs.Lookup(name)
		if err != nil || p.Prebuilt != nil || from.noSource != nil {
			continue
		}
		req, err := p.Request()
		if err != nil {
			return err
		}
		k, ok, err := from.builder.Cached(ctx, req)
		if err != nil {
			return err
		}
		if ok && k.Key == s.Kernel.Key {
			s.req, s.profile, build = &req, p, "netstrip build "+name+from.flags.sourceFlags()
		}
	}
	s.explainSizes(build)
	return nil
}

// lookup takes arg for a profile, a file or a key.
func (s *side) lookup(ctx context.Context, from *sides, arg string) error {
	arg, files := splitFragments(arg)
	added, sourceFlags, err := readFragments(files)
	if err != nil {
		return err
	}
	b, sourceFlags := from.builder, sourceFlags+from.flags.sourceFlags()
	p, err := kconfigs.Lookup(arg)
	build := "netstrip build " + arg + sourceFlags
	switch {
	case err == nil:
	case isKernel(arg):
		p, build = kconfigs.UserKernel(arg, ""), ""
	case strings.ContainsAny(arg, "/.") || isFile(arg):
		if p, err = kconfigs.ReadConfig(arg); err != nil && !isFile(arg) {
			return usagef("%w; %s has no such record either", err, from.flags.results)
		} else if err != nil {
			return err
		}
		build = "netstrip build --config " + process.Quote(arg) + sourceFlags
	default:
		return s.key(ctx, from, arg, err)
	}
	p = p.With(added...)
	s.profile = p
	req, err := p.Request()
	if err != nil {
		return err
	}
	if build == "" {
		s.Kernel, err = b.Build(ctx, req) // a copy of a file
		s.explainSizes("")
		return err
	}
	kernel, built, err := b.Cached(ctx, req)
	switch {
	case err != nil:
		return err
	case built:
		s.Kernel = kernel
	case req.Prebuilt != nil:
		return usagef("%s is not in the cache, and compare does not fetch it: %s does", arg, build)
	}
	if req.Prebuilt == nil {
		s.req = &req
	}
	s.explainSizes(build)
	return nil
}

// key takes arg for a key; why says why it is no profile.
func (s *side) key(ctx context.Context, from *sides, arg string, why error) error {
	var err error
	if s.Kernel, err = from.builder.Find(arg); err != nil {
		if isA[*kconfigs.RequestError](err) {
			err = usagef("%w; no such file or record either, and %w", why, err)
		}
		return err
	}
	s.profile.Name = "kernel-" + s.Kernel.Key[:min(12, len(s.Kernel.Key))]
	var names []string
	for _, p := range kconfigs.Profiles() {
		names = append(names, p.Name)
	}
	return s.made(ctx, from, names...)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// isKernel tells a kernel from a .config, which is text or compressed.
func isKernel(path string) bool {
	f, err := file.Open(path)
	if err != nil {
		return false // a pipe is not to be read twice
	}
	defer f.Close()
	head := make([]byte, 1024)
	n, _ := io.ReadFull(f, head)
	return bytes.IndexByte(head[:n], 0) >= 0 && !packed.Compressed(head[:n])
}

// sourceFlags are those that name the same cache and source to another command.
func (f *flags) sourceFlags() string {
	text := ""
	for _, flag := range [][2]string{{"cache", f.cache}, {"series", f.series}, {"source", f.sourcePath}} {
		if flag[1] != "" {
			text += " --" + flag[0] + " " + process.Quote(flag[1])
		}
	}
	return text
}

func (s *side) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// explainSizes says which sizes are not known, and how to get them.
func (s *side) explainSizes(build string) {
	switch k := s.Kernel; {
	case k == nil:
		s.note("%s has not been built, so its sizes are unknown: %s", s.Name, build)
	case k.Text == 0:
		s.note("%s was compiled elsewhere: only the size of its image is known", s.Name)
	case len(k.Directories) > 0:
	case build == "":
		s.note("%s was built before sizes were recorded by directory, and no profile makes it from the current source: "+
			"rm -r %s, and build it again", s.Name, process.Quote(k.Dir))
	default:
		s.note("%s was built before sizes were recorded by directory: rm -r %s && %s", s.Name, process.Quote(k.Dir), build)
	}
}
