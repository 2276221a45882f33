// Package source finds the source of kernels: a tree, a tarball, or a release that is downloaded
// and verified. It identifies a source without unpacking it, and unpacks it into the cache. It
// runs on the host.
package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Kind is the kind of an unpacked source in the cache; its key is the source's ID.
const Kind = "source"

// debianDir is where Debian's linux-source-* packages put their tarballs.
const debianDir = "/usr/src"

// UsualSeries is the default kernel series. The profiles and the expectations were made with
// it.
const UsualSeries = "6.12"

// stalled is how long a download may make no progress before it is aborted.
const stalled = time.Minute

// Options say where the kernel's source comes from.
type Options struct {
	// Path is a kernel tree, which is built out of tree and never written to, or a
	// tarball of one (.tar, .tar.xz, .tar.gz, .tar.zst). Empty means Debian's
	// linux-source-SERIES, if it is installed.
	Path string
	// URL is a tarball to download instead, and SHA256 its hash in hexadecimal. Without
	// them, a Path and Debian's source, a pinned release of the series is downloaded from
	// kernel.org.
	URL    string
	SHA256 string
	// Series is the required kernel series, such as 6.12. Empty means UsualSeries for Debian's
	// packages, and any series for a named source.
	Series string
	// Arch is the name of the kernels' architecture (arch.Parse).
	Arch string

	// Cache must be set. Progress may be nil.
	Cache    *cache.Cache
	Progress *progress.Printer
}

// Source is the source of kernels. It is downloaded and unpacked by the first build that
// needs it.
type Source struct {
	// ID identifies the content: the hash of a tarball, or the fingerprint of a tree.
	ID string
	// Origin describes where it came from.
	Origin string

	series   string                                // the series that was requested; empty: any
	tree     string                                // the directory of a user's tree, or else:
	tarball  func(context.Context) (string, error) // returns the path of a tarball
	cache    *cache.Cache
	progress *progress.Printer
}

// Check returns an error for options that contradict each other, or whose series is none.
func (o Options) Check() error {
	switch {
	case (o.URL == "") != (o.SHA256 == ""):
		return usage.Errorf("--source-url and --source-sha256 go together: give both")
	case o.URL != "" && o.Path != "":
		return usage.Errorf("--source and --source-url exclude each other")
	case o.Series != "" && !regexp.MustCompile(`^[0-9]+\.[0-9]+$`).MatchString(o.Series): // it becomes part of paths
		return usage.Errorf("--series or NETSTRIP_SERIES %q: want a kernel series, such as %s", o.Series, UsualSeries)
	}
	if _, err := arch.Parse(o.Arch); err != nil {
		return usage.Errorf("--arch or %s: %w", arch.Env, err)
	}
	return nil
}

// Open finds the source and identifies it. It is quick: it neither downloads nor
// unpacks, and does not hash again a tarball that has not changed.
func Open(ctx context.Context, o Options) (*Source, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	s := &Source{series: o.Series, cache: o.Cache, progress: o.Progress}
	path := o.Path
	if path == "" && o.URL == "" {
		series := cmp.Or(o.Series, UsualSeries)
		path = filepath.Join(debianDir, "linux-source-"+series+".tar.xz")
		if _, err := os.Stat(path); err != nil {
			pinned, err := parsePinned(pinnedFile)
			if err != nil {
				return nil, err
			}
			pin, ok := pinned[series]
			if !ok {
				return nil, noSource(series)
			}
			o.URL, o.SHA256 = pin.URL, pin.SHA256
		}
	}
	if o.URL != "" {
		return s, s.openURL(o)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening the kernel source: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening the kernel source: %w", err)
	}
	if info.IsDir() {
		return s, s.openTree(ctx, path)
	}
	return s, s.openTarball(ctx, path)
}

// noSource returns the error for a series of which no source was named, installed or pinned.
func noSource(series string) error {
	return fmt.Errorf("finding the source of Linux %s: there is none in %s; apt-get install linux-source-%s, "+
		"or name a tree or tarball with --source, or a download with --source-url and --source-sha256",
		series, debianDir, series)
}

// Series returns the series that was requested, or else the one in the source's name.
func (s *Source) Series() string {
	if s.series != "" {
		return s.series
	}
	if m := regexp.MustCompile(`linux-(?:source-)?(\d+\.\d+)`).FindStringSubmatch(s.Origin); m != nil {
		return m[1]
	}
	return UsualSeries
}

func (s *Source) openURL(o Options) error {
	if !regexp.MustCompile(`^[0-9a-fA-F]{64}$`).MatchString(o.SHA256) {
		return fmt.Errorf("opening the kernel source: %s needs its SHA-256, 64 hexadecimal digits, in --source-sha256", withoutSecrets(o.URL))
	}
	s.ID = strings.ToLower(o.SHA256)
	s.Origin = withoutSecrets(o.URL)
	d := download{url: o.URL, sha256: s.ID, stall: stalled, cache: s.cache, progress: s.progress}
	s.tarball = func(ctx context.Context) (string, error) {
		path, err := d.get(ctx)
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w; or apt-get install linux-source-%s, or name a tree or tarball with --source",
				err, cmp.Or(o.Series, UsualSeries))
		}
		return path, err
	}
	return nil
}

// openTree opens a directory. It rejects trees that kbuild would reject later.
func (s *Source) openTree(ctx context.Context, dir string) error {
	if strings.ContainsAny(dir, " :") {
		return fmt.Errorf("opening the kernel tree %q: kbuild does not support paths with a space or a colon", dir)
	}
	if err := isKernel(dir); err != nil {
		return fmt.Errorf("opening the kernel tree %s: %w", dir, err)
	}
	// These are what the top Makefile's outputmakefile checks (Makefile:659).
	products := []string{".config", "include/config"}
	for _, a := range arch.All() {
		products = append(products, "arch/"+a.Dir+"/include/generated")
	}
	for _, left := range products {
		if _, err := os.Lstat(filepath.Join(dir, left)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("opening the kernel tree %s: not clean, it has %s: run make mrproper in it, or name a tarball", dir, left)
		}
	}
	id, err := fingerprint(ctx, dir)
	if err != nil {
		return fmt.Errorf("opening the kernel tree %s: %w", dir, err)
	}
	s.ID, s.tree, s.Origin = id, dir, fmt.Sprintf("%s (fingerprint %.12s)", dir, id)
	return nil
}

func (s *Source) openTarball(ctx context.Context, path string) error {
	if _, err := compression(path); err != nil {
		return err
	}
	sum, err := hashOnce(ctx, s.cache, path)
	if err != nil {
		return fmt.Errorf("opening the kernel source: %w", err)
	}
	s.ID, s.Origin = sum, fmt.Sprintf("%s (sha256 %.12s)", path, sum)
	s.tarball = func(context.Context) (string, error) { return path, nil }
	return nil
}

// Edited returns the directory of a user's tree, which may be edited, or empty.
func (s *Source) Edited() string { return s.tree }

// Place names the source to which object trees belong. A user's tree keeps its object trees
// when its files change: make compiles only what depends on an edited file, and keeps the
// rest of 2,000 objects.
func (s *Source) Place() string {
	if s.tree != "" {
		return "tree " + s.tree
	}
	return s.ID
}

// ErrChanged means that the source was edited while a kernel was built from it.
var ErrChanged = errors.New("the source changed during the build: run again")

// CheckUnchanged checks that a tree has not changed since it was opened. A kernel built from a
// tree that changed is a mixture.
func (s *Source) CheckUnchanged(ctx context.Context) error {
	if s.tree == "" {
		return nil // the cache's copy, which nobody edits
	}
	id, err := fingerprint(ctx, s.tree)
	if err == nil && id != s.ID {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("checking %s after the build: %w", s.tree, err)
	}
	return nil
}

// Tree returns the directory of the source. It downloads and unpacks it if necessary.
func (s *Source) Tree(ctx context.Context) (string, error) {
	if s.tarball == nil {
		return s.tree, s.checkVersion(ctx, s.tree)
	}
	return s.cache.Publish(ctx, Kind, s.ID, func(dir string) error {
		tarball, err := s.tarball(ctx)
		if err != nil {
			return err
		}
		if err := unpack(ctx, tarball, dir, s.progress); err != nil {
			return err
		}
		if err := s.checkVersion(ctx, dir); err != nil {
			return fmt.Errorf("unpacking %s: %w", tarball, err)
		}
		return nil
	})
}

// isKernel returns an error for a directory that is not a kernel tree, before make runs in it.
func isKernel(dir string) error {
	for _, file := range []string{"Makefile", "Kconfig", "scripts/kconfig/conf.c"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			return fmt.Errorf("not a kernel source: it has no %s", file)
		}
	}
	return nil
}

// checkVersion checks that a tree is a kernel of the requested series.
func (s *Source) checkVersion(ctx context.Context, tree string) error {
	if err := isKernel(tree); err != nil {
		return err
	}
	version, err := kernelVersion(ctx, tree)
	if err != nil {
		return fmt.Errorf("asking the source for its version: %w", err)
	}
	if s.series != "" && !strings.HasPrefix(version+".", s.series+".") {
		return fmt.Errorf("checking the source: it is Linux %s, not %s", version, s.series)
	}
	return nil
}

// kernelVersion returns the version of a tree, such as 6.12.117.
func kernelVersion(ctx context.Context, tree string) (string, error) {
	out, err := process.Output(ctx, process.Command{Args: []string{"make", "-s", "-C", tree, "kernelversion"}, Env: quiet()})
	if err == nil && !regexp.MustCompile(`^\d+\.\d+.*$`).MatchString(out) {
		err = fmt.Errorf("make kernelversion printed %q", out)
	}
	return out, err
}

// quiet is added to the environment of make: its own variables are those of a make that netstrip
// itself may run under.
func quiet() []string {
	return []string{"LC_ALL=C", "KBUILD_VERBOSE=0", "MAKEFLAGS=", "GNUMAKEFLAGS=", "MFLAGS=", "MAKELEVEL="}
}
