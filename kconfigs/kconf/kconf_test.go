package kconf

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

func newOptions(t *testing.T, tree string) Options {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	return Options{Cache: c, Tree: tree, SourceID: "test", Compiler: "gcc"}
}

// fake writes a script that replaces the Kconfig program.
func fake(t *testing.T, script string) *server {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755))
	s, err := start(c, path, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		s.stop()
		left, err := filepath.Glob(filepath.Join(c.Dir, "tmp", "*"))
		assert.NoError(t, err)
		assert.Empty(t, left, "its directory")
	})
	return s
}

func TestServer(t *testing.T) {
	s := fake(t, `while read -r c; do
		case $c in
		echo) tr a-z A-Z </dev/fd/3 >copy; cat copy >/dev/fd/3; echo "warning: loud"; echo "= ok" ;;
		none) : >/dev/fd/3; echo "= ok" ;;
		bad) echo "error: no such thing" >&2; echo more; echo "= failed 2" ;;
		die) echo "error: dying" >&2; exit 3 ;;
		esac
	done`)
	ctx := t.Context()
	got, err := s.ask(ctx, "echo", []byte("a longer request\n"))
	require.NoError(t, err)
	assert.Equal(t, "A LONGER REQUEST\n", string(got))
	got, err = s.ask(ctx, "echo", []byte("short"))
	require.NoError(t, err)
	assert.Equal(t, "SHORT", string(got), "nothing is left of the request before")
	_, err = s.ask(ctx, "bad", nil)
	require.EqualError(t, err, "asking Kconfig for bad: error: no such thing: failed 2")
	assert.True(t, isRefusal(err))
	got, err = s.ask(ctx, "none", []byte("x"))
	require.NoError(t, err, "it goes on after a refusal")
	assert.Empty(t, got)
	for range 2 {
		_, err = s.ask(ctx, "die", nil)
		require.EqualError(t, err, "asking Kconfig for die: exit status 3: error: dying")
		assert.False(t, isRefusal(err))
	}
}

func TestServerIsInterrupted(t *testing.T) {
	s := fake(t, "read -r c; sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.ask(ctx, "wait", nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	for _, tool := range []string{"gcc", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	tree := t.TempDir()
	makefile := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(tree, "Makefile"), []byte(text), 0o644))
	}
	makefile("listnewconfig:\n\t@echo 'a.c:1: error: no headers' >&2; false\n")
	o := newOptions(t, tree)
	_, err := Open(t.Context(), o)
	require.ErrorContains(t, err, "compiling the kernel's scripts/kconfig: make: ")
	assert.ErrorContains(t, err, "a.c:1: error: no headers")

	makefile("listnewconfig:\n\t@mkdir -p $(O)\n")
	_, err = Open(t.Context(), o)
	require.ErrorContains(t, err, "compiling netstrip's Kconfig program against "+tree+": gcc: ")
	assert.ErrorContains(t, err, "lkc.h: No such file or directory")
	assert.False(t, o.Cache.Has(kind, ""), "nothing is kept of what failed")
}

const dump = `{"name":"choice a/Kconfig:1","file":"a/Kconfig","line":1,"type":"bool","properties":[]}
{"name":"A","file":"a/Kconfig","line":2,"help":"One.\u000aTwo.\u000a","choice":"choice a/Kconfig:1","type":"bool","depends":["&&","B",["||","C",["!","D"]],["=","E","'m"]],"properties":[{"kind":"select","value":"X","if":"'y","file":"a/Kconfig","line":3},{"kind":"default","value":"'a \"b\"","file":"a/Kconfig","line":4},{"kind":"range","value":["..","0","LIMIT"],"file":"a/Kconfig","line":5}]}
{"name":"B","file":"b/Kconfig","line":7,"type":"integer","properties":[]}
{"name":"A","file":"b/Kconfig","line":9}
`

func TestParseSymbols(t *testing.T) {
	all, err := ParseSymbols([]byte(dump))
	require.NoError(t, err)
	require.Len(t, all, 3)
	a := all[1]
	assert.Equal(t, "A", a.Name)
	assert.Equal(t, all[0].Name, a.Choice)
	assert.Equal(t, []Entry{{"a/Kconfig", 2, "One.\nTwo.\n"}, {"b/Kconfig", 9, ""}}, a.Entries)
	assert.Equal(t, "B && (C || !D) && E = m", a.Depends.String())
	require.Len(t, a.Properties, 3)
	assert.Equal(t, "y", a.Properties[0].If.String())
	assert.Equal(t, `"a \"b\""`, a.Properties[1].Value.String())
	assert.Nil(t, a.Properties[1].If)
	assert.Equal(t, "y", a.Properties[1].If.String(), "no condition is always met")
	assert.Equal(t, "0 .. LIMIT", a.Properties[2].Value.String())

	for _, bad := range []string{"nonsense", `{"depends":["&&"]}`, `{"depends":[1,2]}`, `{"depends":7}`} {
		_, err := ParseSymbols([]byte(bad))
		assert.ErrorContains(t, err, "parsing the kernel's symbols: ", bad)
	}
}

func TestParseValues(t *testing.T) {
	got, err := parseValues([]byte("NET\t2\t1\t0\t1\ty\nS\t0\t0\t2\t0\ta\tb\n"))
	require.NoError(t, err)
	assert.Equal(t, map[string]Value{
		"NET": {Value: "y", Visible: Yes, Depends: Mod, Selected: No, Written: true},
		"S":   {Value: "a\tb", Visible: No, Depends: No, Selected: Yes},
	}, got)
	_, err = parseValues([]byte("NET\t2\n"))
	assert.ErrorContains(t, err, "has too few fields")
}

func TestTri(t *testing.T) {
	assert.Equal(t, "n m y", No.String()+" "+Mod.String()+" "+Yes.String())
}
