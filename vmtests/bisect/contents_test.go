package bisect

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/search"
)

// A search stays the same until a file that its command reads changes, whatever it writes.
func TestSearchesAreNamedByWhatCommandsRun(t *testing.T) {
	t.Chdir(t.TempDir())
	home, bin := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	name := func(line string) string {
		d := &Driver{Options: Options{Question: Command(line)}, space: &space{}}
		d.space.Settle = func(_ context.Context, set []string) (string, []string, error) { return "key", set, nil }
		name, err := d.name(t.Context())
		require.NoError(t, err)
		return name
	}
	for line, file := range map[string]string{
		"./test.sh":                          "test.sh",
		"./other.sh --fast":                  "other.sh",
		"timeout 9 sh ./third.sh":            "third.sh",
		"sh -c './fourth.sh -v'":             "fourth.sh",
		"true && ./fifth.sh; exit $?":        "fifth.sh",
		"'./a test.sh' -x":                   "a test.sh",
		`./b\ test.sh`:                       "b test.sh",
		"python3 test.py --limit=3":          "test.py",
		"./run --cases=cases.txt":            "cases.txt",
		"sh <input.sh":                       "input.sh",
		"cd sub && ./inner.sh":               "sub/inner.sh",
		"~/mine.sh":                          filepath.Join(home, "mine.sh"),
		"$HOME/yours.sh":                     filepath.Join(home, "yours.sh"),
		"in-path-test":                       filepath.Join(bin, "in-path-test"),
		"QEMU=./qemu-wrapper make -C . test": "qemu-wrapper",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\nexit 0\n"), 0o755))
		before := name(line)
		assert.Equal(t, before, name(line), line)
		require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\nexit 1\n"), 0o755))
		assert.NotEqual(t, before, name(line), line)
	}
	before := name("./test.sh >out.log 2>&1")
	require.NoError(t, os.WriteFile("out.log", []byte("more\n"), 0o644))
	assert.Equal(t, before, name("./test.sh >out.log 2>&1"), "what it writes")
	assert.NotEqual(t, name("no-such-program"), name("no-such-program-either"))
	big, err := os.Create("disk.img")
	require.NoError(t, err)
	require.NoError(t, big.Truncate(largest+1))
	require.NoError(t, big.Close())
	before = name("./test.sh disk.img")
	require.NoError(t, os.Truncate("disk.img", largest+2))
	assert.NotEqual(t, before, name("./test.sh disk.img"))
}

// A search discards its answers with Anew, and continues with them otherwise.
func TestSearchesBeginAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "search", "j.jsonl")
	load := func(anew bool) *Driver {
		d := &Driver{Options: Options{Anew: anew}}
		require.NoError(t, d.load(path))
		return d
	}
	require.Empty(t, load(true).journal.known, "there need be none")
	require.NoError(t, load(false).journal.add(entry{Key: "a", Reply: search.Reply{Answer: search.Pass}}))
	assert.Len(t, load(false).journal.known, 1)
	assert.Empty(t, load(true).journal.known)
	assert.Empty(t, load(false).journal.known, "they are gone")
	require.NoError(t, os.RemoveAll(filepath.Dir(path)))
	require.NoError(t, os.WriteFile(filepath.Dir(path), nil, 0o644))
	err := (&Driver{Options: Options{Anew: true}}).load(path)
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(err.Error(), "discarding the interrupted search: "), "%v", err)
}
