package apps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestOwnApplications(t *testing.T) {
	list, err := Load(t.Context(), "")
	require.NoError(t, err)
	var names []string
	for _, a := range list {
		names = append(names, a.Name)
	}
	for _, name := range []string{
		"apache", "crun", "dbus", "django", "flask", "journald", "mariadb", "nginx", "node", "openvpn",
		"postgres", "rabbitmq", "redis", "runc", "squid", "vite", "wireguard",
	} {
		assert.Contains(t, names, name)
	}
	assert.IsIncreasing(t, names)
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	assert.Len(t, list, len(files), "a file without an application, or two with one name")
	for _, a := range list {
		assert.FileExists(t, a.Name+".yaml")
	}
	var symbols []string
	for _, a := range list {
		symbols = append(symbols, a.Symbols...)
	}
	assert.Subset(t, symbols, []string{"TUN", "WIREGUARD"})
	ids := map[string]bool{}
	for _, w := range Wire(list) {
		assert.False(t, ids[w.ID], w.ID)
		ids[w.ID] = true
		// The guest mounts other file systems there.
		for name := range w.Files {
			assert.NotRegexp(t, `^/(tmp|run|proc|sys|dev)/`, name, w.ID)
		}
		assert.False(t, regexp.MustCompile(w.Expect).MatchString(""), "%s: silence would do", w.ID)
	}
	assert.Subset(t, slices.Collect(maps.Keys(ids)), []string{"app/redis/unix", "app/postgres/none", "app/wireguard/loopback"})
}

// Files for all ways and files for one way are merged.
func TestParse(t *testing.T) {
	a, problems := parse("x.yaml", []byte(`
name: x
packages: [pk]
symbols: [TUN]
make: {files: {/etc/m: made}, run: [{run: make it, user: u}]}
files: {/etc/all: all, /etc/both: all}
ways:
  unix:
    files: {/etc/both: way}
    setup: [{run: a b, dir: /d, env: {K: v}}]
    services: [{run: [s, "two words"], user: u, ready: {run: r}, log: /l}]
    ask: {run: ask it}
    expect: ^x
    seconds: 5
  loopback: {ask: {run: ask}, expect: y, seconds: 5}
`))
	require.Empty(t, problems)
	require.Len(t, a.Ways, 2)
	assert.Equal(t, "app/x/loopback", a.Ways[0].ID)
	assert.Equal(t, map[string]string{"/etc/all": "all", "/etc/both": "all"}, a.Ways[0].Files)
	w := a.Ways[1]
	assert.Equal(t, map[string]string{"/etc/all": "all", "/etc/both": "way"}, w.Files)
	assert.Equal(t, []string{"a", "b"}, w.Setup[0].Argv)
	assert.Equal(t, "/d", w.Setup[0].Dir)
	assert.Equal(t, map[string]string{"K": "v"}, w.Setup[0].Env)
	require.Len(t, w.Services, 1)
	assert.Equal(t, []string{"s", "two words"}, w.Services[0].Argv)
	assert.Equal(t, "u", w.Services[0].User)
	assert.Equal(t, []string{"r"}, w.Services[0].Ready.Argv)
	assert.Equal(t, "/l", w.Services[0].Log)
	assert.Equal(t, "^x", w.Expect)
	assert.Equal(t, "made", a.Make.Files["/etc/m"])
	assert.Equal(t, "u", a.Make.Run[0].User)
}

// The example in the package comment is valid.
func TestExample(t *testing.T) {
	source, err := os.ReadFile("apps.go")
	require.NoError(t, err)
	var text strings.Builder
	for line := range strings.Lines(string(source)) {
		if example, ok := strings.CutPrefix(line, "//\t"); ok {
			text.WriteString(example)
		}
	}
	a, problems := parse("example.yaml", []byte(text.String()))
	require.Empty(t, problems)
	require.Len(t, a.Ways, 1)
	assert.Equal(t, "app/redis/loopback", a.Ways[0].ID)
}

func TestMessages(t *testing.T) {
	good := "name: x\npackages: [pk]\nways:\n  unix:\n    ask: {run: ask}\n    expect: y\n    seconds: 5\n"
	_, problems := parse("x.yaml", []byte(good))
	require.Empty(t, problems)
	for _, tt := range []struct{ old, new, want string }{
		{good, "", "x.yaml: the file is empty"},
		{good, "# nothing\n", "x.yaml: the file is empty"},
		{good, good + "---\nname: second\n", "x.yaml:8: a second document starts here: want one application per file"},
		{good, good + "---\n", "x.yaml:8: a second document starts here: want one application per file"},
		{good, good + "---\n: [\n", "x.yaml:8: did not find expected key"},
		{good, good + strings.Repeat("#\n", maxBytes/2), "x.yaml:524253: the file exceeds the limit of 1048576 bytes here"},
		{"  unix:\n", "  unix: {}\n" + numbered("  w%d: {}\n", 1500) + "  none:\n", "x.yaml:4: ways: 1502 entries: want at most 1000"},
		{"packages: [pk]", "packages: [" + strings.Repeat("pk, ", 1001) + "]", "x.yaml:2: packages: 1001 entries: want at most 1000"},
		{"    ask:", "    services: [" + strings.Repeat("{run: s}, ", 1001) + "]\n    ask:", "x.yaml:5: services: 1001 entries: want at most 1000"},
		{"    ask:", "    setup: [" + strings.Repeat("{run: s}, ", 1001) + "]\n    ask:", "x.yaml:5: setup: 1001 entries: want at most 1000"},
		{"{run: ask}", "{run: [" + strings.Repeat("a, ", 1001) + "]}", "x.yaml:5: run: 1001 entries: want at most 1000"},
		{good, "- a\n- b\n", "x.yaml:1: cannot unmarshal !!seq into apps.declaration"},
		{"packages: [pk]", "packages: pk: [pk]", "x.yaml:2: mapping values are not allowed in this context"},
		{"packages", "package", "x.yaml:2: field package not found"},
		{"{run: ask}", "{rum: ask}", "x.yaml:5: field rum not found"},
		{"name: x", "name: X y", `x.yaml:1: name "X y": want lower-case letters, digits and -`},
		{"packages: [pk]", "packages: []", "x.yaml:2: packages: want at least one Debian package"},
		{"packages: [pk]", "packages: ['; rm']", `x.yaml:2: packages: "; rm" is not the name of a Debian package`},
		{"ways:", "npm: [vite]\nways:", `x.yaml:3: npm: "vite": want NAME@VERSION`},
		{"ways:", "symbols: [CONFIG_TUN]\nways:", `x.yaml:3: symbols: "CONFIG_TUN": want the name of a symbol without CONFIG_`},
		{"ways:", "files:\n  etc/x: y\nways:", `x.yaml:4: "etc/x": want an absolute path`},
		{"ways:", "make:\n  files:\n    /etc/../x: y\nways:", `x.yaml:5: "/etc/../x": want an absolute path`},
		{"  unix:", "  tcp:", `x.yaml:4: way "tcp": want one of loopback, veth, unix, none`},
		{"{run: ask}", "{}", "x.yaml:5: ask: run is missing"},
		{"    ask: {run: ask}\n", "", "x.yaml:4: ask: run is missing"},
		{"    expect: y", "    services: [{ready: {run: r}}]\n    expect: y", "x.yaml:6: services: run is missing"},
		{"expect: y", "expect: '('", "x.yaml:6: expect: error parsing regexp: missing closing ): `(`"},
		{"expect: y", "expect: ''", "x.yaml:6: expect: is empty and would match any answer"},
		{"seconds: 5", "seconds: 0", "x.yaml:7: seconds: want a time limit of 1 to 3600"},
		{"seconds: 5", "seconds: soon", "x.yaml:7: cannot unmarshal !!str `soon` into int"},
		{good, "name: x\npackages: [pk]\nways: {}\n", "x.yaml:3: ways: want at least one of loopback, veth, unix, none"},
	} {
		text := strings.Replace(good, tt.old, tt.new, 1)
		require.NotEqual(t, good, text)
		_, problems := parse("x.yaml", []byte(text))
		assert.Equal(t, tt.want, (&kconfigs.RequestError{Problems: problems}).Error())
	}
}

// numbered repeats a format n times, with the numbers from 0.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// A file with very many mistakes is reported quickly and in a few lines.
func TestManyMistakes(t *testing.T) {
	ways := numbered("  w%d: {ask: {run: ask}, expect: y, seconds: 5}\n", 999)
	start := time.Now()
	_, problems := parse("x.yaml", []byte("name: x\npackages: [pk]\nways:\n"+ways))
	assert.Len(t, problems, maxProblems)
	_, problems = parse("x.yaml", []byte("name: x\n"+numbered("p%d: [pk]\n", 999)))
	assert.Len(t, problems, maxProblems)
	_, problems = parse("x.yaml", []byte("name: x\npackages: [pk]\nways:\n"+numbered("  way%d: {ask: {run: ask}, expect: y, seconds: 5}\n", 200_000)))
	require.Len(t, problems, 1)
	assert.Less(t, time.Since(start), 10*time.Second) // 30 s on an idle machine without bounds
}

// Load stops when its context ends, and does not wait for a FIFO.
func TestLoadEnds(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "a.yaml"), 0o644))
	_, err := Load(t.Context(), dir)
	assert.EqualError(t, err, dir+"/a.yaml: it is a FIFO, not a regular file")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Load(ctx, dir)
	assert.ErrorIs(t, err, context.Canceled)
	for i := range 2 * maxProblems {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("b%d.yaml", i)), []byte("nam: x\n"), 0o644))
	}
	_, err = Load(t.Context(), dir)
	wrong, ok := errors.AsType[*kconfigs.RequestError](err)
	require.True(t, ok)
	assert.Len(t, wrong.Problems, maxProblems)
	for i := range maxEntries {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("c%d.yaml", i)), nil, 0o644))
	}
	_, err = Load(t.Context(), dir)
	assert.EqualError(t, err, dir+": reading the applications: 1041 *.yaml files, want at most 1000")
}

func TestLoadUsersOwn(t *testing.T) {
	own, err := Load(t.Context(), "")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	_, err = Load(t.Context(), dir)
	assert.EqualError(t, err, dir+": reading the applications: no *.yaml files")
	_, err = Load(t.Context(), filepath.Join(dir, "none"))
	assert.EqualError(t, err, filepath.Join(dir, "none")+": reading the applications: no such file or directory")

	text := "packages: [pk]\nways: {none: {ask: {run: ask}, expect: y, seconds: 5}}\n"
	write("a.yaml", "name: mine\n"+text)
	write("b.yaml", "name: redis\n"+text)
	write("notes.txt", "not one")
	list, err := Load(t.Context(), dir)
	require.NoError(t, err)
	assert.Len(t, list, len(own)+1)
	i := slices.IndexFunc(list, func(a App) bool { return a.Name == "redis" })
	assert.Equal(t, []string{"pk"}, list[i].Packages, "the user's replaces the built-in one")

	write("c.yaml", "name: redis\n"+text)
	_, err = Load(t.Context(), dir)
	assert.EqualError(t, err, dir+`/c.yaml: name "redis" is already used in `+dir+"/b.yaml")
	require.NoError(t, os.Remove(filepath.Join(dir, "c.yaml")))

	write("a.yaml", "name: mine\n")
	write("b.yaml", "nam: mine\n")
	_, err = Load(t.Context(), dir)
	want := []string{"a.yaml:1: packages: want at least one Debian package", "a.yaml:1: ways: want at least one of loopback, veth, unix, none", "b.yaml:1: field nam not found"}
	assert.EqualError(t, err, dir+"/"+strings.Join(want, "\n"+dir+"/"))
}

// Own and changed ways have no expectation; unchanged built-in ones have.
func TestOwn(t *testing.T) {
	ours, err := os.ReadFile("redis.yaml")
	require.NoError(t, err)
	const none = "  none: {ask: {run: ask}, expect: y, seconds: 5}\n"
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"nothing":           {"", nil},
		"the same":          {string(ours), nil},
		"another":           {"name: mine\npackages: [pk]\nways:\n" + none, []string{"app/mine/none"}},
		"a way more":        {string(ours) + none, []string{"app/redis/none"}},
		"another way":       {"name: redis\npackages: [redis-server, redis-tools]\nways:\n" + none, []string{"app/redis/none", "app/redis/loopback", "app/redis/unix"}},
		"another question":  {strings.Replace(string(ours), "^42$", "^43$", 1), []string{"app/redis/loopback"}},
		"another package":   {strings.Replace(string(ours), "redis-tools", "valkey", 1), []string{"app/redis/loopback", "app/redis/unix"}},
		"made differently":  {string(ours) + "make: {run: [{run: a}]}\n", []string{"app/redis/loopback", "app/redis/unix"}},
		"files of all ways": {string(ours) + "files: {/srv/x: x}\n", []string{"app/redis/loopback", "app/redis/unix"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := ""
			if tt.text != "" {
				dir = t.TempDir()
				require.NoError(t, os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(tt.text), 0o644))
			}
			list, err := Load(t.Context(), dir)
			require.NoError(t, err)
			own, err := Own(list)
			require.NoError(t, err)
			assert.Equal(t, tt.want, own)
		})
	}
}
