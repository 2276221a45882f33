package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// packageFile, beside a tarball in the cache, has the name and version of its Debian package.
const packageFile = "package"

// debian is an archive of Debian packages.
type debian struct {
	Mirror   string
	Suites   []string
	Keyrings []string
}

// keyring returns the first keyring that exists, or empty.
func (d debian) keyring() string {
	for _, path := range d.Keyrings {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// usable reports whether packages can be fetched and verified here.
func (d debian) usable() bool {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := programs.Find(program); err != nil {
			return false
		}
	}
	return d.keyring() != ""
}

// noSeries means that an archive has no source of a series.
type noSeries struct {
	series        string
	suites, there []string
}

func (e noSeries) Error() string {
	return fmt.Sprintf("Debian has no linux-source-%s in %s, only those of %s",
		e.series, strings.Join(e.suites, ", "), strings.Join(e.there, ", "))
}

// apt fetches one package from an archive. The system's sources stay as they are: apt has a source
// list, package lists and a cache of its own in dir. The rest of its configuration, such as a
// proxy, is the system's.
type apt struct {
	debian
	series   string
	dir      string
	cache    *cache.Cache
	progress *progress.Printer
}

// name returns the name of the package.
func (a apt) name() string { return "linux-source-" + a.series }

// openInstead opens a release because Debian's archive does not have the series, or cannot be asked.
func (s *Source) openInstead(release Options, why error) error {
	if _, none := errors.AsType[noSeries](why); none {
		return s.openURL(release)
	}
	s.progress.Line("%v; trying %s", why, release.URL)
	err := s.openURL(release)
	download := s.tarball
	s.tarball = func(ctx context.Context, dir string) (string, error) {
		path, err := download(ctx, dir)
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w; and Debian's archive was of no use: %w", err, why)
		}
		return path, err
	}
	return err
}

// index returns the name of the index that leads to the tarball of a series. An entry that it leads
// to is used until it is removed, so that a series does not change between two runs.
func index(series string) string { return cache.Key("debian", series) }

// remembered returns the hash of the tarball that was fetched for a series, or empty.
func remembered(c *cache.Cache, series string) string {
	sum, confirmed, err := c.ReadIndex(kindDownload, index(series))
	if err != nil || !confirmed || !c.Has(kindDownload, sum) {
		return ""
	}
	return sum
}

// get fetches the tarball into the cache and returns its hash.
func (a apt) get(ctx context.Context) (sum string, err error) {
	lock, err := a.cache.Lock(ctx, kindDownload+"-"+index(a.series)[:16])
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if sum := remembered(a.cache, a.series); sum != "" {
		return sum, nil // another process has fetched it meanwhile
	}
	dir, release, err := a.cache.TempDir("debian")
	if err != nil {
		return "", err
	}
	defer release()
	a.dir = dir
	version, err := a.find(ctx)
	if err != nil {
		return "", err
	}
	tarball, err := a.download(ctx, version)
	if err != nil {
		return "", err
	}
	if sum, err = hashFile(ctx, tarball); err != nil {
		return "", err
	}
	_, err = a.cache.Publish(ctx, kindDownload, sum, func(dir string) error {
		if err := os.Rename(tarball, filepath.Join(dir, tarballFile)); err != nil {
			return fmt.Errorf("storing %s: %w", a.name(), err)
		}
		return cache.WriteFile(filepath.Join(dir, packageFile), []byte(a.name()+" "+version+"\n"))
	})
	if err != nil {
		return "", err
	}
	a.progress.Line("using %s, version %s, from now on; to get a newer one later, remove %s",
		a.name(), version, a.cache.Path(kindDownload, sum))
	return sum, a.cache.WriteIndex(kindDownload, index(a.series), sum, a.name()+" "+version)
}

// prepare writes apt's source list and makes its directories.
func (a apt) prepare(ctx context.Context) error {
	var list strings.Builder
	mirror := a.mirror(ctx)
	for _, suite := range a.Suites {
		fmt.Fprintf(&list, "deb [signed-by=%s target=Packages lang=none] %s %s main\n", a.keyring(), mirror, suite)
	}
	for _, sub := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(a.dir, "status"), nil, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.dir, "sources.list"), []byte(list.String()), 0o644)
}

// mirror returns the mirror of Debian that the system uses, or else the usual one.
func (a apt) mirror(ctx context.Context) string {
	out, err := process.Output(ctx, process.Command{Args: []string{"apt-get", "indextargets",
		"--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"}})
	for line := range strings.Lines(out) {
		uri, ok := strings.CutPrefix(strings.TrimSpace(line), "Debian Debian http")
		if err == nil && ok {
			return "http" + uri
		}
	}
	return a.Mirror
}

// command returns a command of apt for the archive alone. It must refuse unsigned archives even if
// the system's configuration allows them. It runs without apt's sandbox, which cannot read a user's
// cache, and does not warn about that.
func (a apt) command(each func(line string), args ...string) process.Command {
	args = slices.Insert(args, 1, "-q")
	for _, option := range []string{
		"Dir::Etc::SourceList=" + filepath.Join(a.dir, "sources.list"), "Dir::Etc::SourceParts=/dev/null",
		"Dir::Etc::Preferences=/dev/null", "Dir::Etc::PreferencesParts=/dev/null",
		"Dir::State::Lists=" + filepath.Join(a.dir, "lists"), "Dir::Cache=" + a.dir,
		"Dir::State::Status=" + filepath.Join(a.dir, "status"), // without the installed packages
		"APT::Default-Release=", "APT::Sandbox::User=root", "APT::Get::AllowUnauthenticated=false",
		"Acquire::AllowInsecureRepositories=false", "Acquire::AllowWeakRepositories=false",
		"Acquire::AllowDowngradeToInsecureRepositories=false",
	} {
		args = append(args, "-o", option)
	}
	return process.Command{Args: args, Dir: a.dir, OnLine: each}
}

// find returns the version of the package. It reads the archive's package lists first.
func (a apt) find(ctx context.Context) (version string, err error) {
	a.progress.Line("looking for %s in Debian's %s, which takes up to a minute", a.name(), strings.Join(a.Suites, ", "))
	if err := a.prepare(ctx); err != nil {
		return "", fmt.Errorf("preparing apt: %w", err)
	}
	wrong, err := a.run(ctx, nil, "apt-get", "update")
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if i := slices.IndexFunc(wrong, isUnsigned); i >= 0 {
		return "", fmt.Errorf("checking the signature of Debian's archive: %s", wrong[i])
	}
	if err != nil && wrong == nil {
		return "", err
	}
	names, err := process.Output(ctx, a.command(nil, "apt-cache", "pkgnames", "linux-source-"))
	if err != nil {
		return "", err
	}
	var there []string
	for name := range strings.FieldsSeq(names) {
		there = append(there, strings.TrimPrefix(name, "linux-source-"))
	}
	switch {
	case slices.Contains(there, a.series):
		for _, line := range wrong {
			a.progress.Line("apt: %s", line)
		}
	case len(wrong) > 0:
		return "", fmt.Errorf("reading Debian's package lists: %s", wrong[0])
	default:
		return "", noSeries{a.series, a.Suites, InOrder(there)}
	}
	shown, err := process.Output(ctx, a.command(nil, "apt-cache", "--no-all-versions", "show", a.name()))
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`(?m)^Version: (\S+)$`).FindStringSubmatch(shown)
	if m == nil {
		return "", fmt.Errorf("apt-cache shows no version of %s", a.name())
	}
	return m[1], nil
}

// isUnsigned reports whether one of apt's messages is about a signature.
func isUnsigned(line string) bool {
	return regexp.MustCompile(`(?i)NO_PUBKEY|not signed|GPG error|OpenPGP|signature|KEYSIG|BADSIG|NODATA`).MatchString(line)
}

// run runs a program of apt and returns its errors and warnings.
func (a apt) run(ctx context.Context, each func(line string), args ...string) (wrong []string, err error) {
	problem := regexp.MustCompile(`^(?:E|W|Error|Warning): (.*)`)
	_, err = process.Run(ctx, a.command(func(line string) {
		if m := problem.FindStringSubmatch(line); m != nil {
			wrong = append(wrong, strings.Join(strings.Fields(m[1]), " "))
		} else if each != nil {
			each(line)
		}
	}, args...))
	return wrong, err
}

// download fetches the package, whose hash apt checks, and returns the path of its tarball.
func (a apt) download(ctx context.Context, version string) (string, error) {
	status := regexp.MustCompile(`^dlstatus:[0-9]+:([0-9]+)`)
	wrong, err := a.run(ctx, func(line string) {
		if m := status.FindStringSubmatch(line); m != nil {
			a.progress.State("downloading Debian's %s %s: %s%%", a.name(), version, m[1])
		}
	}, "apt-get", "download", "-o", "APT::Status-Fd=1", a.name()+"="+version)
	if err != nil && ctx.Err() == nil {
		return "", fmt.Errorf("downloading Debian's %s %s: %s", a.name(), version, cmp.Or(strings.Join(wrong[:min(1, len(wrong))], ""), err.Error()))
	}
	if err != nil {
		return "", err
	}
	debs, err := filepath.Glob(filepath.Join(a.dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		return "", fmt.Errorf("downloading Debian's %s: apt-get left %d packages", a.name(), len(debs))
	}
	a.progress.State("unpacking %s", filepath.Base(debs[0]))
	if _, err := process.Run(ctx, process.Command{Args: []string{"dpkg-deb", "-x", debs[0], filepath.Join(a.dir, "files")}}); err != nil {
		return "", fmt.Errorf("unpacking %s: %w", filepath.Base(debs[0]), err)
	}
	return filepath.Join(a.dir, "files", debianDir, a.name()+".tar.xz"), nil
}
