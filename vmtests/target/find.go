// Package target resolves the names of kernels on a command line (profiles, .configs, kernel
// images, cache keys, records) and collects what is known about each: its boots, its sizes and the
// values of its symbols. It runs on the host, and compiles and boots nothing itself.
package target

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
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/packed"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/results"
)

// Finder finds kernels.
type Finder struct {
	// Results is the results file, which need not exist.
	Results results.Results
	Builder *kbuild.Builder
	// Strict makes a .config with lines that Kconfig does not satisfy an error.
	Strict bool
	// Note is called by Ends with how Kconfig reads the user's files.
	Note func([]string)
	// NoSource is why there is no kernel source; nil if there is one.
	NoSource error
	// Flags select the same cache and source in another command; each begins with a space.
	Flags string
	// Kconfig reads the source's Kconfig files. Ends and Compare set it.
	Kconfig *kconf.Kconfig

	sides   []*Finder       // those of a Pair, each with its own source or architecture
	file    *record.File    // nil if there is none
	records []record.Record // grouped by run; not all are decoded (see record.File)
}

// Target is a kernel.
type Target struct {
	*compare.Side
	// Profile is what it is booted as; for records and keys only the name is known.
	Profile kconfigs.Profile
	// Request is that of a profile or a .config, otherwise nil.
	Request *kconfigs.Request
	// World has its symbols as booted, Own as in its .config, without what the guest needs.
	// Compare and Ends set both.
	World, Own *explain.ConfigState

	from *Finder // has the source and the architecture
}

// Load reads the results file, again if it was read before.
func (s *Finder) Load() error {
	s.closeResults()
	file, err := s.Results.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.file = file
	for _, run := range record.ByRun(file.Records) {
		s.records = append(s.records, run...)
	}
	return nil
}

// Close closes the results and ends Kconfig.
func (s *Finder) Close() {
	s.closeResults()
	for _, side := range s.sides {
		side.closeKconfig()
	}
	s.closeKconfig()
}

func (s *Finder) closeKconfig() {
	if s.Kconfig != nil {
		s.Kconfig.Close()
	}
}

func (s *Finder) closeResults() {
	if s.file != nil {
		s.file.Close()
	}
	s.file, s.records = nil, nil
}

// read decodes records.
func (s *Finder) read(chosen []record.Record) ([]record.Record, error) {
	if s.file == nil {
		return nil, nil
	}
	return s.file.Intact(chosen, s.Results.Damaged)
}

// Named returns the boots that arg names as a record or run, none if it names something else.
func (s *Finder) Named(arg string) ([]record.Record, error) {
	if known(arg) || len(s.records) == 0 {
		return nil, nil
	}
	ref := arg
	if rest, ok := strings.CutPrefix(arg, "latest"); ok && (rest == "" || rest[0] == '/') {
		ref = s.records[len(s.records)-1].Run + rest
	}
	found := s.boots(ref)
	for _, r := range found {
		if r.Profile != found[0].Profile {
			return nil, usage.Errorf("%s is a run of several kernels: name one, as %s/%s does", arg, ref, r.Profile)
		}
	}
	return found, nil
}

// boots returns the boots of one kernel in one run, all boots of a run, or a single boot.
func (s *Finder) boots(ref string) []record.Record {
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

// Find finds a kernel by its name, or by its boots if Named returned any.
func (s *Finder) Find(ctx context.Context, arg string, named []record.Record) (*Target, error) {
	one := &Target{Side: &compare.Side{Name: arg, Notes: []string{}}, from: s}
	if s.NoSource != nil && len(named) == 0 {
		if named = s.boots(arg); len(named) == 0 { // a profile, by its latest record
			return nil, s.NoSource
		}
	}
	if len(named) > 0 {
		return one, one.recorded(ctx, s, named)
	}
	kernel, _, _ := variant(arg)
	if err := one.lookup(ctx, s, kernel); err != nil {
		return nil, err
	}
	return one, one.match(s)
}

// match takes the kernel's boots from the results.
func (s *Target) match(from *Finder) (err error) {
	s.Records = nil
	for _, r := range from.records {
		if s.Kernel != nil && r.Kernel.Key == s.Kernel.Key {
			s.Records = append(s.Records, r)
		}
	}
	if n := len(s.Records); n > newestBoots {
		s.Records = s.Records[n-newestBoots:] // from.records are in the order of the runs
		s.note("of %d boots of %s the newest %d are compared", n, s.Name, newestBoots)
	}
	s.Records, err = from.read(s.Records)
	return err
}

// newestBoots is how many boots of a kernel are decoded, which takes about 100 KB each.
const newestBoots = 1000

// recorded fills in what records say about the kernel.
func (s *Target) recorded(ctx context.Context, from *Finder, records []record.Record) error {
	var err error
	if s.Records, err = from.read(records); err != nil {
		return err
	}
	s.Profile.Name = records[0].Profile
	k := s.Records[0].Kernel
	if s.Kernel, err = from.Builder.Find(k.Key); err == nil {
		return s.made(ctx, from, s.Profile.Name)
	}
	s.note("the kernel of %s is no longer in the cache: its .config and its sizes by directory are unknown", s.Name)
	s.Kernel = &kbuild.Kernel{Built: k}
	return nil
}

// made finds the named profile that the kernel was built from, with its request and the command
// that builds the kernel again.
func (s *Target) made(ctx context.Context, from *Finder, names ...string) error {
	build := ""
	for _, name := range names {
		p, err := kconfigs.Lookup(name)
		if err != nil || p.Prebuilt != nil || from.NoSource != nil {
			continue
		}
		req, err := p.Request()
		if err != nil {
			return err
		}
		k, ok, err := from.Builder.Cached(ctx, req)
		if err != nil {
			return err
		}
		if ok && k.Key == s.Kernel.Key {
			s.Request, s.Profile, build = &req, p, "netstrip build "+name+from.Flags
		}
	}
	s.explainSizes(build)
	return nil
}

// lookup resolves arg as a profile, a file or a key.
func (s *Target) lookup(ctx context.Context, from *Finder, arg string) error {
	arg, files := splitFragments(arg)
	added, sourceFlags, err := readFragments(files)
	if err != nil {
		return err
	}
	b, sourceFlags := from.Builder, sourceFlags+from.Flags
	p, err := kconfigs.Lookup(arg)
	build := "netstrip build " + arg + sourceFlags
	switch {
	case err == nil:
	case isKernel(arg):
		p, build = kconfigs.UserKernel(arg, ""), ""
	case strings.ContainsAny(arg, "/.") || isFile(arg):
		if p, err = kconfigs.ReadConfig(arg); err != nil && !isFile(arg) {
			return usage.Errorf("%w; %s has no such record either", err, from.Results.Path)
		} else if err != nil {
			return err
		}
		build = "netstrip build --config " + process.Quote(arg) + sourceFlags
	default:
		return s.key(ctx, from, arg, err)
	}
	p = p.With(added...)
	s.Profile = p
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
		return usage.Errorf("%s is not in the cache, and compare does not fetch it: %s does", arg, build)
	}
	if req.Prebuilt == nil {
		s.Request = &req
	}
	s.explainSizes(build)
	return nil
}

// key resolves arg as a key; why says why it is not a profile.
func (s *Target) key(ctx context.Context, from *Finder, arg string, why error) error {
	var err error
	if s.Kernel, err = from.Builder.Find(arg); err != nil {
		if _, ok := errors.AsType[*kconfigs.RequestError](err); ok {
			err = usage.Errorf("%w; no such file or record either, and %w", why, err)
		}
		return err
	}
	s.Profile.Name = "kernel-" + s.Kernel.Key[:min(12, len(s.Kernel.Key))]
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

// isKernel reports whether a file is a kernel image, unlike a .config, which is text or
// compressed.
func isKernel(path string) bool {
	f, err := file.Open(path)
	if err != nil {
		return false // a pipe can be read only once
	}
	defer f.Close()
	head := make([]byte, 1024)
	n, _ := io.ReadFull(f, head)
	return bytes.IndexByte(head[:n], 0) >= 0 && !packed.Compressed(head[:n])
}

func (s *Target) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// explainSizes notes which sizes are unknown, and how to get them.
func (s *Target) explainSizes(build string) {
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
