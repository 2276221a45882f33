package console_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/console/truth"
)

// The logs in testdata/kinds are made up. Each has one kind of line or report as kernels of
// several architectures and ages print it, or something that only looks like one. The JSON
// file beside each says what must be read.
func TestKinds(t *testing.T) {
	s, err := truth.Dir(t.Context(), "testdata/kinds", nil)
	require.NoError(t, err)
	assert.Empty(t, s.Wrong)
	assert.Empty(t, s.Bare)
	assert.GreaterOrEqual(t, s.Named.Of, 40)
	assert.GreaterOrEqual(t, s.Noted.Of, 70)
	assert.GreaterOrEqual(t, s.Bad.Of, 10)
	assert.GreaterOrEqual(t, s.Traces.Of, 35)
	assert.Zero(t, s.Invented.N+s.Bad.N)
}

// everyLog calls do for each log of the corpus.
func everyLog(t *testing.T, do func(t *testing.T, log []byte)) {
	logs, err := filepath.Glob("testdata/*/*.log")
	require.NoError(t, err)
	real, err := filepath.Glob("testdata/*.log")
	require.NoError(t, err)
	require.Greater(t, len(logs)+len(real), 150)
	for _, path := range append(logs, real...) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			log, err := os.ReadFile(path)
			require.NoError(t, err)
			do(t, log)
		})
	}
}

// A log reads the same in pieces of any size.
func TestReadFromIsRead(t *testing.T) {
	everyLog(t, func(t *testing.T, log []byte) {
		want := console.Read(log)
		got, err := console.ReadFrom(iotest.HalfReader(bytes.NewReader(log)))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}

var panicLine = regexp.MustCompile(`(?m)^.*Kernel panic(?: - not syncing|:).*\n?`)

// A log without the lines of the panic has no panic, whatever else it contains.
func TestNoPanicIsInvented(t *testing.T) {
	everyLog(t, func(t *testing.T, log []byte) {
		l := console.Read(panicLine.ReplaceAll(bytes.ReplaceAll(log, []byte("\r"), []byte("\n")), nil))
		assert.Empty(t, l.Panic+l.PanicTask)
		assert.Empty(t, l.Trace)
	})
}

// A later boot does not change the panic, its task or its call trace.
func TestALaterBootChangesNothing(t *testing.T) {
	second, err := os.ReadFile("testdata/init-exits-base.log")
	require.NoError(t, err)
	everyLog(t, func(t *testing.T, log []byte) {
		want := console.Read(log)
		if want.Panic == "" || want.Kernel == 0 {
			return
		}
		got := console.Read(append(append(bytes.Clone(log), "\nSeaBIOS (version 1)\r\n"...), second...))
		assert.Equal(t, want.Panic, got.Panic)
		assert.Equal(t, want.PanicTask, got.PanicTask)
		assert.Equal(t, want.Trace, got.Trace)
	})
}

// A serial logger's prefixes change nothing.
func TestALoggersClockChangesNothing(t *testing.T) {
	everyLog(t, func(t *testing.T, log []byte) {
		want := console.Read(log)
		if want.Kernel < want.Lines { // otherwise a line of user space changes
			return
		}
		lines := strings.ReplaceAll("\n"+string(log), "\n", "\n2026-01-02T03:04:05.6Z  ")
		got := console.Read([]byte(lines))
		assert.Equal(t, want.Panic, got.Panic)
		assert.Equal(t, want.PanicTask, got.PanicTask)
		assert.Equal(t, want.Trace, got.Trace)
		assert.Equal(t, want.Notices, got.Notices)
	})
}

// No line takes long to read, whatever it repeats.
func TestNoLineTakesLong(t *testing.T) {
	const length = 256 << 10 // the race detector makes regular expressions a hundred times slower
	for _, part := range []string{"[", "[    0.000000] ", "[    0.000000] x", "2026-01-02 03:04:05 ", "\x1b[", "\x1b]x", "\r", "[#1]", "BUG: ", "a: ", "<4>", "1,2,3,-;", "CPU: 0 PID: 1 Comm: ", "(x) from ", "0x", "INFO: task "} {
		log := []byte("[    0.000000] CPU: 0 PID: 1 Comm: a Not tainted\n[    0.000000] " + strings.Repeat(part, length/len(part)) + "\n" + strings.Repeat(part, length/len(part)))
		begin := time.Now()
		console.Read(log)
		assert.Less(t, time.Since(begin), 10*time.Second, "%q", part)
	}
}

// An endless file is read in bounded memory and bounded time.
func TestForeignStreamEnds(t *testing.T) {
	for name, chunk := range map[string]string{"zeros": strings.Repeat("\x00", 4096), "lines": strings.Repeat("y\n", 2048)} {
		l, err := console.ReadFrom(endless(chunk))
		require.NoError(t, err, name)
		assert.Contains(t, l.Foreign, "its first 16 MiB contain no line from a kernel", name)
		verdict, _ := console.Judge(l)
		assert.Equal(t, console.Unreadable, verdict, name)
	}
}

type endless string

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }

func TestForeign(t *testing.T) {
	for log, want := range map[string]string{
		"":                                  "it is empty",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00":  "it is gzip data: zcat FILE | netstrip console",
		"\xff\xfeL\x00i\x00n\x00u\x00x\x00": "it is UTF-16 text: iconv -f UTF-16 -t UTF-8 FILE | netstrip console",
		"\x7fELF\x02\x01\x01\x00\x00":       "it is an ELF file",
		"\x00\x00\x00":                      "its 3 bytes contain no text",
		"\x01\x02\x03\x80\x81\xfe\n":        "it is binary data",
		`{"a": ["[    0.000000] x", "b"]}`:  "it is JSON",
		"package x\n\nfunc main() {}\n":     "it is source code",
		"x\n> [    0.000000] y\nz\n":        "it quotes a kernel log in 1 of its 3 lines: name the log itself",
		"package x installed\n[    0.000000] y\n[    0.000000] z\n": "",
		"x\n\ny\n":                             `its 2 lines contain none from a kernel; the last is "y"`,
		"[   1.0000000] OtherBSD\n":            `its 1 lines contain none from a kernel; the last is "[   1.0000000] OtherBSD"`,
		"[    0.000000] x\n":                   "",
		"\x00\x00[    0.000000] x\n":           "",
		"Linux version 6.12.1 (x)\n":           "",
		"BUG: kernel NULL pointer dereference": "",
	} {
		assert.Equal(t, want, console.Read([]byte(log)).Foreign, "%q", log)
	}
}

func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		log    console.Log
		want   console.Reading
		reason string
	}{
		{console.Log{Foreign: "it is empty"}, console.Unreadable, "it is empty"},
		{console.Log{Panic: "x", PanicTask: "y (pid 1)"}, console.Panicked, "x; task y (pid 1)"},
		{console.Log{Panic: "No working init found."}, console.InitFailed, "No working init found."},
		{console.Log{Panic: "Attempted to kill init!", Oopsed: true}, console.Panicked, "Attempted to kill init!"},
		{console.Log{Banners: 2, Last: "z"}, console.Reset, `the kernel started again for no visible reason; the log ends with "z"`},
		{console.Log{Banners: 1, Again: true, Faults: 1, Last: "z"}, console.Reset, `the kernel started again for no visible reason; the log ends with "z"`},
		{console.Log{Banners: 2, Ended: "reboot: Restarting system"}, console.Clean, `user space shut it down: "reboot: Restarting system"`},
		{console.Log{Banners: 1, Inits: 1, Faults: 2, Last: "z"}, console.Faulted, `the kernel reported faults in 2 lines; the log ends after init started, with "z"`},
		{console.Log{Banners: 1, Faults: 1, GaveUp: "no"}, console.Hung, `init gave up: "no"`},
		{console.Log{Banners: 1, Last: "z"}, console.Clean, `the log ends with "z"`},
	} {
		got, reason := console.Judge(tc.log)
		assert.Equal(t, tc.want, got)
		assert.Equal(t, tc.reason, reason)
	}
}
