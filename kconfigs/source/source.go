// Package source finds the source of kernels: a tree, a tarball, a revision of a git repository, a
// Debian package that apt fetches and verifies, or a release from kernel.org whose hash is pinned.
// It identifies a source without unpacking it, and unpacks it into the cache. It runs on the host.
package source

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Kind is the kind of an unpacked source in the cache; its key is the source's ID.
const Kind = "source"

// kindDownload is the kind of a downloaded tarball; its key is the tarball's hash.
const kindDownload, tarballFile = "download", "tarball"

// debianDir is where Debian's linux-source-* packages put their tarballs.
const debianDir = "/usr/src"

// stalled is how long a download may make no progress before it is aborted.
const stalled = time.Minute

// Options say where the kernel's source comes from.
type Options struct {
	// Path is a kernel tree, which is built out of tree and never written to; a tarball of one
	// (.tar, .tar.xz, .tar.gz, .tar.zst); or REPOSITORY@REVISION of git, whose uncommitted
	// changes do not count. Empty means Debian's linux-source-SERIES: as installed, or else
	// from Debian's archive, which apt verifies.
	Path string
	// URL is a tarball to download instead, and SHA256 its hash in hexadecimal. If neither
	// they nor Path is set and Debian has no source, a pinned release of the series is
	// downloaded from kernel.org.
	URL    string
	SHA256 string
	// Series is the required kernel series, such as 6.12. Empty means the usual one (Usual), and
	// any series for a named source.
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
	// ID identifies the content: the hash of a tarball, the fingerprint of a tree, or the hash of
	// a commit. It is empty before Fetch if the source is still to be found.
	ID string
	// Origin describes where it came from.
	Origin string

	series   string // the series that was requested; empty: any
	tree     string // the directory of a user's tree, or else:
	tarball  tarball
	cache    *cache.Cache
	progress *progress.Printer

	mu       sync.Mutex
	fetch    func(context.Context) error // identifies the source, which sets tarball
	fetchErr error
}

// tarball returns the path of a tarball. It may make it in dir, which is removed.
type tarball func(ctx context.Context, dir string) (path string, err error)

// Check returns an error for options that contradict each other, and for a malformed series.
func (o Options) Check() error {
	switch {
	case (o.URL == "") != (o.SHA256 == ""):
		return usage.Errorf("--source-url and --source-sha256 go together: give both")
	case o.URL != "" && o.Path != "":
		return usage.Errorf("--source and --source-url exclude each other")
	case o.Series != "" && !isSeries(o.Series): // it becomes part of paths
		return usage.Errorf("--series or NETSTRIP_SERIES %q: want a kernel series, such as %s", o.Series, Usual())
	}
	if _, err := arch.Parse(o.Arch); err != nil {
		return usage.Errorf("--arch or %s: %w", arch.Env, err)
	}
	return nil
}

// Open finds the source and identifies it. It is quick: it neither downloads nor unpacks, and does
// not hash again a tarball that has not changed. A source that only Debian's archive may have is
// identified by Fetch.
func Open(ctx context.Context, o Options) (*Source, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	s := &Source{series: o.Series, cache: o.Cache, progress: o.Progress}
	if o.Path == "" && o.URL == "" {
		return s, s.openSeries(ctx, cmp.Or(o.Series, Usual()))
	}
	if o.URL != "" {
		return s, s.openURL(o)
	}
	return s, s.openPath(ctx, o.Path)
}

// openSeries finds the source of a series: what is installed, what has been downloaded, Debian's
// archive, or a pinned release.
func (s *Source) openSeries(ctx context.Context, series string) error {
	installed := filepath.Join(debianDir, "linux-source-"+series+".tar.xz")
	if _, err := os.Stat(installed); err == nil {
		return s.openPath(ctx, installed)
	}
	if sum := remembered(s.cache, series); sum != "" {
		s.openDownload(series, sum)
		return nil
	}
	pin, pinned := known().Pinned[series]
	release := Options{URL: pin.URL, SHA256: pin.SHA256, Series: series}
	switch archive := known().Debian; {
	case pinned && (s.cache.Has(kindDownload, pin.SHA256) || s.cache.Has(Kind, pin.SHA256)):
		return s.openURL(release)
	case archive.usable():
		s.Origin = "Debian's linux-source-" + series + ", which has not been downloaded yet"
		s.fetch = func(ctx context.Context) error {
			sum, err := apt{debian: archive, series: series, cache: s.cache, progress: s.progress}.get(ctx)
			switch {
			case err == nil:
				s.openDownload(series, sum)
			case ctx.Err() != nil:
			case pinned:
				return s.openInstead(release, err)
			default:
				err = fmt.Errorf("finding the source of Linux %s: %w; %s", series, err, otherSources)
			}
			return err
		}
		return nil
	case pinned:
		return s.openURL(release)
	}
	return noSource(series)
}

// openDownload opens what was fetched from Debian's archive.
func (s *Source) openDownload(series, sum string) {
	dir := s.cache.Path(kindDownload, sum)
	name, err := file.Read(filepath.Join(dir, packageFile), 1<<10)
	if err != nil {
		name = []byte("linux-source-" + series)
	}
	s.ID, s.Origin = sum, fmt.Sprintf("Debian's %s (sha256 %.12s)", bytes.TrimSpace(name), sum)
	s.tarball = func(context.Context, string) (string, error) {
		s.cache.Use(kindDownload, sum)
		return filepath.Join(dir, tarballFile), nil
	}
}

// Fetch downloads and identifies a source that Open could not identify; afterwards ID is set. It
// does so once, and returns the same error every time.
func (s *Source) Fetch(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ID == "" && s.fetch != nil && s.fetchErr == nil {
		if err := s.fetch(ctx); ctx.Err() == nil {
			s.fetchErr = err
		} else {
			return ctx.Err()
		}
	}
	return s.fetchErr
}

// openPath opens a tree, a tarball, or a revision of a git repository.
func (s *Source) openPath(ctx context.Context, path string) error {
	if repository, revision, ok := cutRevision(path); ok {
		return s.openRevision(ctx, repository, revision)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("opening the kernel source: %w", err)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return usage.Errorf("opening the kernel source: %w", err)
	}
	if err != nil {
		return fmt.Errorf("opening the kernel source: %w", err)
	}
	if info.IsDir() {
		return s.openTree(ctx, path)
	}
	return s.openTarball(ctx, path)
}

// otherSources says how to name a source.
const otherSources = "name a tree or tarball with --source, or a download with --source-url and --source-sha256"

// noSource returns the error for a series of which no source was named, installed or pinned on a
// system that cannot fetch Debian's.
func noSource(series string) error {
	return fmt.Errorf("finding the source of Linux %s: there is none in %s, no apt with Debian's keys that could fetch it, "+
		"and no release known at kernel.org; %s", series, debianDir, otherSources)
}

// Series returns the series that was requested, or else the one in the source's name.
func (s *Source) Series() string {
	if s.series != "" {
		return s.series
	}
	return cmp.Or(seriesOf(s.Origin), Usual())
}

func (s *Source) openURL(o Options) error {
	if !regexp.MustCompile(`^[0-9a-fA-F]{64}$`).MatchString(o.SHA256) {
		return fmt.Errorf("opening the kernel source: %s needs its SHA-256, 64 hexadecimal digits, in --source-sha256", withoutSecrets(o.URL))
	}
	s.ID = strings.ToLower(o.SHA256)
	s.Origin = withoutSecrets(o.URL)
	d := download{url: o.URL, sha256: s.ID, stall: stalled, cache: s.cache, progress: s.progress}
	s.tarball = func(ctx context.Context, _ string) (string, error) {
		path, err := d.get(ctx)
		if err != nil && ctx.Err() == nil {
			if pkg := programs.SourcePackage(cmp.Or(o.Series, Usual())); pkg != "" {
				err = fmt.Errorf("%w; or %s", err, programs.Command(pkg))
			}
			err = fmt.Errorf("%w; or name a tree or tarball with --source", err)
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
	s.tarball = func(context.Context, string) (string, error) { return path, nil }
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

// Tree returns the directory of the source. It downloads and unpacks it if that has not been done.
func (s *Source) Tree(ctx context.Context) (string, error) {
	if err := s.Fetch(ctx); err != nil {
		return "", err
	}
	if s.tarball == nil {
		return s.tree, s.checkVersion(ctx, s.tree)
	}
	return s.cache.Publish(ctx, Kind, s.ID, func(dir string) error {
		tmp, release, err := s.cache.TempDir("tarball")
		if err != nil {
			return err
		}
		defer release()
		tarball, err := s.tarball(ctx, tmp)
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
