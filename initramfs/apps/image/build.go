package image

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// debstrapFlags leave out files that no application reads, and keep existing configuration.
func debstrapFlags(a arch.Arch) []string {
	flags := []string{
		"--verbose", "--variant=essential", "--format=tar", "--architectures=" + a.Debian,
		"--aptopt=Acquire::Retries \"3\"", "--dpkgopt=force-confold", "--skip=essential/unlink",
	}
	for _, dir := range []string{"doc", "info", "lintian", "locale", "man"} {
		flags = append(flags, "--dpkgopt=path-exclude=/usr/share/"+dir+"/*")
	}
	return flags
}

// npmFlags pin dependencies to the newest versions of one day, and disable scripts.
func npmFlags(a arch.Arch) []string {
	cpu := strings.Replace(a.GOARCH, "amd64", "x64", 1) // npm's other names are Go's
	return []string{
		"--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--no-bin-links",
		"--os=linux", "--cpu=" + cpu, "--libc=glibc", "--before=" + pinned().NPM,
	}
}

// tarFlags make an archive that does not depend on who made it, and when.
func tarFlags() []string {
	return []string{"--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX", "--mtime=@" + pinned().Epoch}
}

// squashFlags disable compression, and set the attributes of the root directory, which sqfstar
// does not take from the archive. Uncompressed the disk is three times as large, 714 MB instead
// of 235, but is packed in half a minute instead of more than five, and an emulated guest that
// starts four of the applications takes 7 % less processor time. The kernel must support the
// compressor that -comp names all the same; ours has zstd and not gzip.
func squashFlags() []string {
	return []string{
		"-comp", "zstd", "-noI", "-noD", "-noF", "-noX",
		"-root-mode", "0755", "-root-uid", "0", "-root-gid", "0", "-no-progress",
	}
}

// builder builds one disk in the empty directory dir.
type builder struct {
	dir      string
	arch     arch.Arch
	cache    *cache.Cache
	progress *progress.Printer
}

func (b builder) fill(ctx context.Context, list []apps.App) error {
	needed := programs.For("apps")
	if slices.ContainsFunc(list, func(a apps.App) bool { return a.NPM != nil }) {
		needed = append(needed, "npm")
	}
	if err := process.Check(ctx, needed...); err != nil {
		return err
	}
	if b.arch.Native() {
		b.progress.Line("making the disk of the applications: about 4 minutes")
	} else {
		b.progress.Line("making the disk of the applications for %s: several times 4 minutes, because its programs are emulated", b.arch.Name)
	}
	if err := b.stage(ctx, list); err != nil {
		return err
	}
	mode := mode(ctx)
	if err := b.debstrap(ctx, mode, list); err != nil {
		return err
	}
	if err := b.squash(ctx, mode); err != nil {
		return err
	}
	for _, name := range []string{"stage", "stage.tar", "root.tar", "tmp"} {
		if err := os.RemoveAll(filepath.Join(b.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// stage packs what goes on the disk before the Debian packages into stage.tar: the declared
// files, the npm packages, and the script that runs after all packages are installed.
func (b builder) stage(ctx context.Context, list []apps.App) error {
	files := map[string]string{runnerFile: runner(list), "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n", "/etc/hostname": "netstrip\n"}
	for _, a := range list {
		for name, text := range a.Make.Files {
			if old, ok := files[name]; ok && old != text {
				return fmt.Errorf("%s: another application has a different %s", a.Name, name)
			}
			files[name] = text
		}
	}
	root := filepath.Join(b.dir, "stage")
	for name, text := range files {
		path := filepath.Join(root, name)
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			return err
		}
	}
	for _, a := range list {
		if err := b.npm(ctx, a, filepath.Join(root, "srv", a.Name)); err != nil {
			return err
		}
	}
	// Directories are left out, because in Debian they may be symbolic links.
	find := `cd stage && find . ! -type d -print0 | tar --create --file=../stage.tar --null --files-from=- "$@"`
	_, err := process.Run(ctx, process.Command{Dir: b.dir, Args: append([]string{"sh", "-c", find, "sh"}, tarFlags()...)})
	return err
}

// npm installs an application's npm packages, and lists them in npm.txt.
func (b builder) npm(ctx context.Context, a apps.App, dir string) error {
	if len(a.NPM) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b.progress.State("making the disk of the applications: npm install %s", strings.Join(a.NPM, " "))
	args := append(append([]string{"npm", "install", "--prefix", dir}, npmFlags(b.arch)...), a.NPM...)
	if _, err := process.Run(ctx, process.Command{Args: args, Dir: b.dir}); err != nil {
		return fmt.Errorf("npm install %s: %w", strings.Join(a.NPM, " "), err)
	}
	// Only npm reads this list, and writes it in no fixed order.
	lock := filepath.Join(dir, "node_modules", ".package-lock.json")
	data, err := os.ReadFile(lock)
	if err != nil {
		return err
	}
	var list struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("reading what npm installed: %w", err)
	}
	var lines []string
	for name, p := range list.Packages {
		lines = append(lines, strings.TrimPrefix(name, "node_modules/")+" "+p.Version+" npm\n")
	}
	slices.Sort(lines)
	if err := os.WriteFile(filepath.Join(dir, "npm.txt"), []byte(strings.Join(lines, "")), 0o644); err != nil {
		return err
	}
	return os.Remove(lock)
}

// debstrap makes root.tar and packages.txt from the packages, stage.tar and the script.
func (b builder) debstrap(ctx context.Context, mode string, list []apps.App) error {
	var packages []string
	for _, a := range list {
		packages = append(packages, a.Packages...)
	}
	slices.Sort(packages)
	if mode == "fakechroot" {
		if err := process.Check(ctx, "fakechroot", "fakeroot"); err != nil {
			return fmt.Errorf("this user cannot make namespaces, which takes newuidmap and an entry in /etc/subuid; without them: %w", err)
		}
	}
	before, after := b.keep(mode)
	args := slices.Concat([]string{"mmdebstrap", "--mode=" + mode, "--include=" + strings.Join(slices.Compact(packages), ",")},
		debstrapFlags(b.arch), before,
		[]string{"--essential-hook=tar-in stage.tar /", `--customize-hook=chroot "$1" sh ` + runnerFile, "--customize-hook=download " + listFile + " " + packagesFile},
		after, []string{pinned().Release, "root.tar"}, pinned().Sources)
	// The first complaint is the cause; the many after it only report that something failed.
	complaint := regexp.MustCompile(`^E: |\berror: |No space left on device`)
	env := []string{"SOURCE_DATE_EPOCH=" + pinned().Epoch, "LC_ALL=C.UTF-8"}
	if os.Geteuid() == 0 {
		// What is left of a killed run is then removed with dir. Without root this does not
		// work: the mapped users of a namespace may not enter the home directory that contains the cache.
		tmp := filepath.Join(b.dir, "tmp")
		if err := os.Mkdir(tmp, 0o755); err != nil {
			return err
		}
		env = append(env, "TMPDIR="+tmp)
	}
	first := ""
	command := process.Command{Args: args, Dir: b.dir, Env: env, OnLine: func(l string) {
		b.progress.State("making the disk of the applications: %s", l)
		// update-alternatives complains about the manual pages that are left out.
		if first == "" && complaint.MatchString(l) && !strings.HasPrefix(l, "update-alternatives: ") {
			first = l
		}
	}}
	if !b.arch.Native() {
		var err error
		if command, err = b.emulated(command, mode); err != nil {
			return err
		}
	}
	_, err := process.Run(ctx, command)
	if err != nil && first != "" && ctx.Err() == nil {
		return fmt.Errorf("mmdebstrap: %s", first)
	}
	return err
}

// mode returns the mode of mmdebstrap. Namespaces are preferred, because nothing stays mounted
// when mmdebstrap is killed.
func mode(ctx context.Context) string {
	probe, other := []string{"unshare", "--mount", "--pid", "--fork", "true"}, "root"
	if os.Geteuid() != 0 {
		probe, other = []string{"unshare", "--user", "--map-auto", "--map-root-user", "true"}, "fakechroot"
	}
	if _, err := process.Run(ctx, process.Command{Args: probe}); err != nil {
		return other
	}
	return "unshare"
}

// keep returns the hooks that keep downloaded packages between runs. They do not work in
// fakechroot mode, in which the new root has no tar yet.
func (b builder) keep(mode string) (before, after []string) {
	dir := b.cache.Path("apps-debs", cache.Key(pinned().Sources...)[:32])
	if mode == "fakechroot" || os.MkdirAll(dir, 0o755) != nil {
		return nil, nil
	}
	b.cache.Use("apps-debs", filepath.Base(dir))
	dir = process.Quote(dir)
	return []string{`--setup-hook=mkdir -p "$1"/var/cache/apt/archives`, "--setup-hook=sync-in " + dir + " /var/cache/apt/archives"},
		[]string{"--customize-hook=sync-out /var/cache/apt/archives " + dir, `--customize-hook=chown -R 0:0 "$1"/var/cache/apt/archives`}
}

// squash makes the disk from root.tar. sqfstar makes the user who runs it the owner of the
// root directory.
func (b builder) squash(ctx context.Context, mode string) error {
	// By default it would read ahead into a quarter of the memory.
	args := slices.Concat([]string{"sqfstar", "-mem", "256M"}, squashFlags(), []string{imageFile})
	switch {
	case mode == "fakechroot":
		args = append([]string{"fakeroot"}, args...)
	case os.Geteuid() != 0:
		args = append([]string{"unshare", "--user", "--map-root-user"}, args...)
	}
	f, err := os.Open(filepath.Join(b.dir, "root.tar"))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = process.Run(ctx, process.Command{
		Args: args, Dir: b.dir,
		// sqfstar 4.5.1 ignores its flag for the time of the root directory.
		Env:   []string{"SOURCE_DATE_EPOCH=" + pinned().Epoch},
		Stdin: io.TeeReader(f, &percent{total: info.Size(), progress: b.progress}),
	})
	return err
}

// percent shows which part of total has been written to it.
type percent struct {
	done, total int64
	progress    *progress.Printer
}

func (p *percent) Write(data []byte) (int, error) {
	p.done += int64(len(data))
	p.progress.State("making the disk of the applications: packing, %d%%", p.done*100/p.total)
	return len(data), nil
}
