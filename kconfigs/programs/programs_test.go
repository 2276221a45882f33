package programs

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/arch"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestTable(t *testing.T) {
	comment, _, ok := strings.Cut(table, "\nwhat ")
	require.True(t, ok)
	heads := rows("what")
	require.Len(t, heads, 1)
	architectures := arch.Names()
	for _, f := range rows("") {
		assert.Len(t, f, len(heads[0]), "%v", f)
		assert.Contains(t, append(architectures, "yes", "no"), f[2], "%v", f)
		if f[2] != "no" {
			assert.NotContains(t, f[5:], "-", "netstrip cannot run where no package is known: %v", f)
		}
	}
	symbol, series := regexp.MustCompile(`^config-.*`), regexp.MustCompile(`^linux-.*`)
	suffix := regexp.MustCompile(`-(` + strings.Join(architectures, "|") + `)$`)
	seen := map[string]bool{}
	for _, p := range (system{}).all("none") {
		assert.False(t, seen[p.Name], "%s is listed twice", p.Name)
		seen[p.Name] = true
		assert.Contains(t, []string{"", "--version", "-version", "version"}, p.Version, p.Name)
		assert.Equal(t, p.Name == "sqfstar", p.Version == "-version", p.Name)
		assert.NotEmpty(t, p.Debian, "%s has no Debian package", p.Name)
		for _, use := range p.Uses {
			name := suffix.ReplaceAllString(series.ReplaceAllString(use, "linux-SERIES"), "-ARCH")
			name = symbol.ReplaceAllString(name, "config-SYMBOL")
			assert.Regexp(t, `(?m)^# +`+name+` `, comment, "the use %s of %s is not described", use, p.Name)
		}
		if p.Minimum != "" {
			assert.NotEmpty(t, p.Version, "%s has a minimum, and nothing prints its version", p.Name)
		}
	}
	for _, f := range rows("system") {
		assert.Contains(t, append(heads[0][5:], "-"), f[2], "%v", f)
		assert.Contains(t, comment, "\n# "+strings.Replace(f[2], "-", "what ", 1)+" ", "%s: how it was checked is not described", f[2])
		assert.Greater(t, len(f), 3, "%v", f)
	}
	for _, f := range rows("except") {
		assert.Len(t, f, 4, "%v", f)
		assert.True(t, seen[f[2]], "%v: no such requirement", f)
	}
}

// Every program that a cross build or a boot of another architecture needs is listed for it, and
// on a machine of that architecture the native compiler is enough.
func TestArchitectures(t *testing.T) {
	for _, own := range arch.All() {
		uses := map[string][]string{}
		required := map[string]bool{}
		for _, p := range (system{}).all(own.GOARCH) {
			for _, use := range p.Uses {
				uses[use] = append(uses[use], p.Name)
				required[use] = p.Required
			}
		}
		assert.Empty(t, uses["build-"+own.Name])
		for _, a := range arch.All() {
			assert.Equal(t, []string{a.QEMU}, uses["boot-"+a.Name])
			assert.Equal(t, a.Name == own.Name, required["boot-"+a.Name], "%s on %s", a.Name, own.Name)
			if a.Name != own.Name {
				assert.Equal(t, []string{a.Cross + "gcc", a.Cross + "ld"}, uses["build-"+a.Name])
			}
		}
	}
}

// started matches the forms in which netstrip's source names a program that it starts.
var started = regexp.MustCompile(`(?:Args:\s*|(?:args|all|probe, other) :?= *)(?:append\(|slices\.Concat\()*\[\]string\{"([a-z][a-z-]*)"|` +
	`process\.(?:Output|Version)\(\w+, "([a-z-]+)"|programs\.Find\("([a-z-]+)"\)|\[\]string\{"tar", "([a-z]+)"\}`)

// Every program that netstrip starts is listed, or comes with a listed one.
func TestStartedPrograms(t *testing.T) {
	with := map[string]string{"unshare": "setpriv", "setsid": "setpriv", "ar": "ld", "objcopy": "ld", "apt-cache": "apt-get"}
	var names []string
	for _, p := range All() {
		names = append(names, p.Name)
	}
	found := map[string]bool{}
	for _, top := range []string{"kconfigs", "initramfs", "vmtests", "cmd"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", top), func(path string, d fs.DirEntry, err error) error {
			guest := regexp.MustCompile(`initramfs/(probes|cmds|appguest|kmod|trace)`).MatchString(path)
			if err != nil || guest || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range started.FindAllStringSubmatch(string(source), -1) {
				name := strings.Join(m[1:], "")
				if other, ok := with[name]; ok {
					name = other
				}
				found[name] = true
				// Every system has these: POSIX, and coreutils on Linux.
				if !slices.Contains([]string{"sh", "env", "chroot"}, name) {
					assert.Contains(t, names, name, "%s starts it", path)
				}
			}
			return err
		}))
	}
	for _, name := range []string{"make", "gcc", "go", "tar", "apt-get", "dpkg-deb", "mmdebstrap", "sqfstar", "npm", "depmod", "setpriv", "ld", "xz", "zstd"} {
		assert.True(t, found[name], "nothing seems to start %s: the pattern misses it", name)
	}
}

// install runs the script that installs everything in an empty root directory with an os-release
// file, and returns what it prints. It finds no program, so it fails.
func install(t *testing.T, release string, env []string, args ...string) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/os-release"), []byte(release), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(root, "busybox"), []byte("#!/bin/sh\n"), 0o755))
	require.NoError(t, os.Symlink("busybox", filepath.Join(root, "tar"))) // does not count
	for _, name := range []string{"sh", "awk", "dirname", "id", "readlink", "sed", "sort", "tr", "uname"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(root, name)))
	}
	cmd := exec.Command("../../.ci/install", args...)
	cmd.Env = append([]string{"PATH=" + root, "NETSTRIP_ROOT=" + root, "ID=wrong", "ID_LIKE=wrong"}, env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, string(out))
	assert.Equal(t, 3, exit.ExitCode(), string(out))
	return string(out)
}

// needed are the lines about what is missing.
func needed(out string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^netstrip needs (\S+): (.*)$`).FindAllStringSubmatch(out, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// The script that installs everything and netstrip itself name the same packages on each
// distribution.
func TestSystems(t *testing.T) {
	releases, err := filepath.Glob("testdata/*.os-release")
	require.NoError(t, err)
	require.NotEmpty(t, releases)
	for _, path := range releases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".os-release"), func(t *testing.T) {
			release, err := os.ReadFile(path)
			require.NoError(t, err)
			s := parseSystem(string(release))
			out := install(t, string(release), []string{"NETSTRIP_FULL=1"}, append(arch.Names(), "apps", "tests")...)
			script := needed(out)
			packages := map[string]bool{}
			for _, p := range s.all(runtime.GOARCH) {
				if text, ok := script[p.Name]; ok {
					assert.Equal(t, p.how(s), text, p.Name)
					delete(script, p.Name)
					packages[p.Package] = p.Package != ""
				} else {
					optional := []string{"debian-packages", "revisions", "rebuilds", "apps-as-user", "config", "apps-arm64", "apps-riscv64"}
					assert.Contains(t, optional, regexp.MustCompile(`^config-.*`).ReplaceAllString(p.Uses[0], "config"), "the script does not name %s", p.Name)
				}
			}
			assert.Empty(t, script, "netstrip does not know it")
			delete(packages, "")
			last := "all at once: " + s.command(slices.Sorted(maps.Keys(packages)))
			if s.column == "" {
				last = "the packages of this system are not known"
			}
			assert.Contains(t, out, "\n"+last+"\n")

			var want strings.Builder
			for _, p := range s.all("amd64") {
				fmt.Fprintf(&want, "%s: %s\n", p.Name, p.how(s))
			}
			golden := strings.TrimSuffix(path, ".os-release") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(want.String()), 0o644))
			}
			text, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(text), want.String())
		})
	}
}

// The demo installs less than the tests.
func TestInstallScript(t *testing.T) {
	release, err := os.ReadFile("testdata/debian-13.os-release")
	require.NoError(t, err)
	demo := needed(install(t, string(release), []string{"NETSTRIP_SOURCE=x"}))
	names := func(all map[string]string) []string { return slices.Sorted(maps.Keys(all)) }
	for _, p := range parseSystem(string(release)).all(runtime.GOARCH) {
		if p.Required {
			assert.Contains(t, demo, p.Name)
			continue
		}
		small := slices.Contains([]string{"source", "modules"}, p.Uses[0]) || strings.HasPrefix(p.Uses[0], "firmware-") && demo[p.Name] != ""
		assert.Equal(t, small, slices.Contains(names(demo), p.Name), "%s in make demo", p.Name)
	}
	assert.Contains(t, needed(install(t, string(release), nil)), "/usr/src/linux-source-6.12.tar.xz")
	assert.Contains(t, needed(install(t, string(release), nil, "apps")), "mmdebstrap")
	assert.Contains(t, needed(install(t, string(release), []string{"NETSTRIP_APPS=1"})), "npm")
}

// An unknown system gets Debian's names, without a command that it does not have.
func TestUnknownSystem(t *testing.T) {
	for _, release := range []string{"", "ID=beos\n", "ID=rhel\nID_LIKE=fedora\n", "nonsense"} {
		s := parseSystem(release)
		assert.EqualError(t, s.missing("gcc", "gelf.h"), "missing gcc, gelf.h: on Debian: apt-get install gcc libelf-dev (see netstrip doctor)")
		out := install(t, release, nil)
		assert.Equal(t, "on Debian: apt-get install libelf-dev", needed(out)["gelf.h"])
		assert.Contains(t, out, "\nthe packages of this system are not known\n")
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	_, err := Find(file)
	assert.EqualError(t, err, "missing "+file)
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	path, err := Find(file)
	require.NoError(t, err)
	assert.Equal(t, file, path)

	t.Setenv("PATH", dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "busybox"), []byte("#!/bin/sh\n"), 0o755))
	require.NoError(t, os.Symlink("busybox", filepath.Join(dir, "flex")))
	_, err = Find("flex")
	assert.ErrorIs(t, err, exec.ErrNotFound)
	require.NoError(t, os.Rename(filepath.Join(dir, "busybox"), filepath.Join(dir, "flex")))
	path, err = Find("flex")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "flex"), path)
}

func TestTooOld(t *testing.T) {
	for said, old := range map[string]bool{
		"GNU ld (GNU Binutils for Debian) 2.40": false,
		"GNU ld version 2.24":                   true,
		"GNU ld version 2.25":                   false,
		"GNU ld version 2.25.1":                 false,
		"GNU ld version 3":                      false,
		"GNU ld":                                true,
	} {
		assert.Equal(t, old, Program{Minimum: "2.25"}.TooOld(said), said)
	}
	assert.True(t, Program{Minimum: "1.06.95"}.TooOld("bc 1.06"))
	assert.False(t, Program{Minimum: "1.06.95"}.TooOld("bc 1.07.1"))
	assert.False(t, Program{}.TooOld(""))
}

func TestMissing(t *testing.T) {
	release, err := os.ReadFile("testdata/alpine-3.23.os-release")
	require.NoError(t, err)
	s := parseSystem(string(release))
	err = s.missing("gcc", "gelf.h", "nonesuch")
	assert.EqualError(t, err, "missing gcc, gelf.h, nonesuch: apk add gcc elfutils-dev (see netstrip doctor)")
	assert.ErrorIs(t, err, exec.ErrNotFound)
	assert.EqualError(t, s.missing("mmdebstrap"),
		"missing mmdebstrap: no package of this system is known to contain it; Debian's is mmdebstrap (see netstrip doctor)")
	assert.EqualError(t, s.missing("mmdebstrap", "sqfstar"),
		"missing mmdebstrap, sqfstar: apk add squashfs-tools; mmdebstrap: no package of this system is known to contain it; Debian's is mmdebstrap (see netstrip doctor)")
	assert.EqualError(t, Missing("nonesuch"), "missing nonesuch")
	t.Setenv("PATH", t.TempDir())
	_, err = Find("gcc")
	assert.ErrorContains(t, err, "missing gcc: ")
	assert.ErrorIs(t, err, exec.ErrNotFound)
}
