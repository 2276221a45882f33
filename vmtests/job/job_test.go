package job

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/record"
)

func TestJudge(t *testing.T) {
	exit := func(kernel string, code int) Result { return Result{Kernel: kernel, Exit: &wire.Exit{Code: code}} }
	died := Result{Kernel: "c", Record: record.Record{Outcome: record.Panicked, Reason: "oops"}}
	rig := Result{Kernel: "d", Record: record.Record{Outcome: record.QEMUFailed, Reason: "killed"}}
	for _, tc := range []struct {
		results []Result
		expect  int
		code    int
	}{
		{[]Result{exit("a", 0)}, -1, 0},
		{[]Result{exit("a", 139)}, -1, 139},
		{[]Result{exit("a", 3)}, 3, 0},
		{[]Result{exit("a", 0)}, 3, 1},
		{[]Result{exit("a", 3), exit("b", 3)}, -1, 0},
		{[]Result{exit("a", 0), exit("b", 3)}, -1, 1},
		{[]Result{exit("a", 3), exit("b", 3)}, 0, 1},
		{[]Result{died}, -1, 1},
		{[]Result{exit("a", 1), died}, -1, 1},
		{nil, -1, 0},
	} {
		code, err := Judge(tc.results, tc.expect)
		require.NoError(t, err)
		assert.Equal(t, tc.code, code, "%+v", tc)
	}
	_, err := Judge([]Result{exit("a", 0), rig}, -1)
	assert.EqualError(t, err, "d: qemu-failed: killed")
	assert.Equal(t, "c: the kernel ended before the program: panicked: oops", died.Line())
}

func TestLine(t *testing.T) {
	r := Result{Kernel: "no-net", Exit: &wire.Exit{Code: 3, Said: "socket: \x1b[31mno"}, Finding: wire.Finding{Call: "socket(AF_INET)", Errno: "ENOSYS"}}
	assert.Equal(t, `no-net: exit status 3; socket(AF_INET) ENOSYS; it said: socket: \x1b[31mno`, r.Line())
	assert.Contains(t, Result{Kernel: "a", Exit: &wire.Exit{Code: 1, Said: "ModuleNotFoundError: No module named 'encodings'"}}.Line(), "'encodings'; the guest has only the files")
	assert.Equal(t, "a: killed by SIGSEGV", Result{Kernel: "a", Exit: &wire.Exit{Code: 139, Signal: "SIGSEGV"}}.Line())
	assert.Equal(t, "a: ended at the time limit of 5s", Result{Kernel: "a", Exit: &wire.Exit{Code: 124, Limit: "ended at the time limit of 5s"}}.Line())
}

func TestGoTest(t *testing.T) {
	got, ok := goTest([]string{"/tmp/b001/p.test", "-test.paniconexit0", "-test.timeout=10m0s", "-test.coverprofile=/tmp/b001/_cover_.out", "-test.gocoverdir=/tmp/b001/gocoverdir", "-test.cpuprofile=cpu.out", "-test.outputdir=/home/x"}, "/home/x/p")
	require.True(t, ok)
	assert.Equal(t, test{limit: 10*time.Minute + testSlack, outputs: []string{"/tmp/b001/_cover_.out", "/home/x/cpu.out", "/tmp/b001/gocoverdir"}}, got)
	for _, other := range [][]string{{"./p.test"}, {"./p", "-test.timeout=1s"}, {"sh", "-test.v=x"}} {
		_, ok := goTest(other, "/")
		assert.False(t, ok, "%v", other)
	}
}

func TestWords(t *testing.T) {
	assert.Equal(t, []string{"./check.sh", "-x", "a=b"}, Words(" ./check.sh  -x a=b"))
	for _, line := range []string{"a | b", "A=b c", "x 'y z'", "test -e /proc/net || exit 1", ""} {
		assert.Equal(t, []string{"/bin/sh", "-c", line}, Words(line))
	}
}

// What a shell script starts comes with it.
func TestScriptsCommands(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), []byte("x"), 0o644))
	script := filepath.Join(dir, "check.sh")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nif ! cat data | grep -q x; then\n\techo no; exit 1; fi\n$(uname -r)\n"), 0o755))
	a, err := arch.Parse("")
	require.NoError(t, err)
	for _, command := range [][]string{{"./check.sh"}, {"sh", "check.sh"}, {"sh", "-c", "cat data | grep x; uname"}} {
		job, err := Options{Command: command, Dir: dir, Env: os.Environ()}.pack(a, false)
		require.NoError(t, err)
		for _, name := range []string{"cat", "grep", "uname"} {
			path, err := job.Files.LookPath(name)
			require.NoError(t, err)
			assert.True(t, job.Files.Has(path), "%v: %s", command, path)
		}
		assert.Equal(t, dir, job.Dir)
		assert.False(t, job.Files.Has("/etc/shadow"))
	}
}

func TestRefused(t *testing.T) {
	a, err := arch.Parse("")
	require.NoError(t, err)
	for want, o := range map[string]Options{
		"name one behind --":           {},
		"no such program in $PATH":     {Command: []string{"no-such-program"}},
		"want 1s to 24h":               {Command: []string{"sh"}, Limit: time.Millisecond},
		"adding the root /no/such/dir": {Command: []string{"sh"}, Root: "/no/such/dir"},
		"adding /no/such/file":         {Command: []string{"sh"}, With: []string{"/no/such/file"}},
	} {
		o.Env = os.Environ()
		_, err := o.pack(a, false)
		assert.ErrorContains(t, err, want)
	}
}

// Each guest reads the whole input, which is read once, and no earlier than a guest asks.
func TestSpool(t *testing.T) {
	s := newSpool(nil)
	assert.Nil(t, s.reader())
	text := strings.Repeat("some input\n", 10_000)
	s = newSpool(io.MultiReader(strings.NewReader(text), errorReader{}))
	for range 2 {
		var got bytes.Buffer
		_, err := io.Copy(&got, s.reader())
		assert.ErrorIs(t, err, errInput)
		assert.Equal(t, text, got.String())
	}
}

var errInput = errors.New("input")

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errInput }

func TestPrefixes(t *testing.T) {
	var out bytes.Buffer
	s := newStreams(Options{Stdout: &out}, returns{}, true)
	one, endOne := s.session("full", false)
	two, endTwo := s.session("no-net", false)
	assert.Nil(t, one.Stderr)
	for _, part := range []string{"a", "b\nc", "\n"} {
		_, err := io.WriteString(one.Stdout, part)
		require.NoError(t, err)
		_, err = io.WriteString(two.Stdout, part)
		require.NoError(t, err)
	}
	_, err := io.WriteString(two.Stdout, strings.Repeat("x", maxHeld)+"y")
	require.NoError(t, err)
	require.NoError(t, endOne())
	require.NoError(t, endTwo())
	assert.Equal(t, "full | ab\nno-net | ab\nfull | c\nno-net | c\nno-net | "+strings.Repeat("x", maxHeld)+"\nno-net | y\n", out.String())

	traced, _ := s.session("full", true)
	assert.Nil(t, traced.Stdout, "the second run repeats no output")
}

// archive returns a tar archive with a file of each name.
func archive(t *testing.T, kind byte, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Typeflag: kind, Mode: 0o4755, Size: int64(len(name))}
		if kind == tar.TypeSymlink {
			h.Size, h.Linkname = 0, "/etc/passwd"
		}
		require.NoError(t, w.WriteHeader(h))
		if h.Size > 0 {
			_, err := io.WriteString(w, name)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// A guest writes only where it may, whatever it sends.
func TestFilesComeBack(t *testing.T) {
	back := func(b returns, data []byte) error {
		u := b.writer("full")
		_, werr := u.Write(data)
		return errors.Join(u.Close(), werr)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	require.NoError(t, back(returns{out: out, several: true}, archive(t, tar.TypeReg, "/a/b", "/../../c")))
	for _, name := range []string{"full/a/b", "full/c"} {
		info, err := os.Stat(filepath.Join(out, name))
		require.NoError(t, err, name)
		assert.Equal(t, os.FileMode(0o755), info.Mode())
	}
	require.NoError(t, os.Symlink(dir, filepath.Join(out, "escape")))
	assert.ErrorContains(t, back(returns{out: out}, archive(t, tar.TypeReg, "/escape/x")), "escapes")
	assert.ErrorContains(t, back(returns{out: out}, archive(t, tar.TypeSymlink, "/link")), "not a regular file")
	assert.ErrorContains(t, back(returns{out: out}, []byte("garbage")), "unexpected EOF")

	place, covered := filepath.Join(dir, "cover.out"), filepath.Join(dir, "covered")
	b := returns{places: []string{place, covered}}
	require.NoError(t, back(b, archive(t, tar.TypeReg, place, covered+"/x")))
	assert.FileExists(t, place)
	assert.FileExists(t, filepath.Join(covered, "x"))
	for _, name := range []string{filepath.Join(dir, "other"), covered + "/../y", covered + "x"} {
		assert.ErrorContains(t, back(b, archive(t, tar.TypeReg, name)), "which is not wanted")
	}
}
