package programs

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	comment, rows, ok := strings.Cut(table, "\nwhat ")
	require.True(t, ok)
	columns := len(strings.Fields("what " + strings.SplitN(rows, "\n", 2)[0]))
	for line := range strings.Lines(rows[strings.Index(rows, "\n")+1:]) {
		assert.Len(t, strings.Fields(line), columns, line)
		assert.Contains(t, []string{"yes", "no"}, strings.Fields(line)[2], line)
	}
	seen := map[string]bool{}
	for _, p := range All() {
		assert.False(t, seen[p.Name], "%s is listed twice", p.Name)
		seen[p.Name] = true
		for _, use := range p.Uses {
			documented := `(?m)^# +` + regexp.MustCompile(`^linux-.*`).ReplaceAllString(use, "linux-SERIES") + ` `
			assert.Regexp(t, documented, comment, "the use %s of %s is not described", use, p.Name)
		}
		if p.Minimum != "" {
			assert.NotEmpty(t, p.Version, "%s has a minimum, and nothing prints its version", p.Name)
		}
	}
}

// started matches the forms in which netstrip's source names a program that it starts.
var started = regexp.MustCompile(`(?:Args:\s*|(?:args|all|probe, other) :?= *)(?:append\(|slices\.Concat\()*\[\]string\{"([a-z-]+)"|` +
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
			guest := regexp.MustCompile(`initramfs/(probes|cmds|appguest|trace)`).MatchString(path)
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

// The script that installs everything reads the same list.
func TestInstallScript(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"sh", "dirname", "id", "sort", "tr"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(bin, name)))
	}
	install := func(env ...string) string {
		cmd := exec.Command("../../.ci/install")
		cmd.Env = append([]string{"PATH=" + bin}, env...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, string(out))
		assert.Equal(t, 3, exit.ExitCode(), string(out))
		return string(out)
	}
	demo, full := install("NETSTRIP_SOURCE=x"), install("NETSTRIP_FULL=1")
	for _, p := range All() {
		line := "netstrip needs " + p.Name + ", which is in Debian's package " + p.Package + ": install it with this system's package manager\n"
		_, err := os.Stat(p.Name)
		_, sbin := os.Stat("/sbin/" + p.Name)
		if err == nil || sbin == nil {
			continue // it is there
		}
		if p.Required {
			assert.Contains(t, demo, line)
		}
		if !slices.ContainsFunc(p.Uses, func(u string) bool { return u == "apps-as-user" || u == "debian-packages" || u == "revisions" || u == "rebuilds" }) {
			assert.Contains(t, full, line)
		}
	}
	assert.NotContains(t, demo, "linux-source")
	assert.NotContains(t, demo, "npm")
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
	err := Missing("gcc", "gelf.h", "nonesuch")
	assert.EqualError(t, err, "missing gcc, gelf.h, nonesuch: apt-get install gcc libelf-dev (see netstrip doctor)")
	assert.ErrorIs(t, err, exec.ErrNotFound)
	assert.EqualError(t, Missing("nonesuch"), "missing nonesuch")
	t.Setenv("PATH", t.TempDir())
	_, err = Find("gcc")
	assert.EqualError(t, err, "missing gcc: apt-get install gcc (see netstrip doctor)")
}
