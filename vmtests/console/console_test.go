package console

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A log reads the same with CR LF, with a firmware's escape sequences before the banner, and
// with output after the end.
func TestReadIsIndependentOfTheLine(t *testing.T) {
	log, err := os.ReadFile("testdata/init-exits-base.log")
	require.NoError(t, err)
	plain := bytes.ReplaceAll(log, []byte("\r"), nil)
	want := Read(plain)
	for name, changed := range map[string][]byte{
		"CR LF":    bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")),
		"CR CR LF": bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\r\n")),
		"firmware": append([]byte("\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS (version 1.16.2)\r\n\x1b[2J"), plain...),
	} {
		got := Read(changed)
		got.Bytes, got.Lines = want.Bytes, want.Lines
		assert.Equal(t, want, got, name)
	}
}

func TestClassify(t *testing.T) {
	booted := Log{Bytes: 100, Banners: 1, Inits: 1, Last: "x"}
	dead := Log{Bytes: 100, Banners: 1, Inits: 1, Last: "x", Panic: "Fatal exception in interrupt"}
	firmware := Log{Bytes: 100, Lines: 9, Firmware: "OpenSBI", FirmwareLines: 9, Last: "x"}
	for _, tc := range []struct {
		name   string
		log    Log
		facts  Facts
		want   record.Outcome
		reason string
	}{
		{"done", booted, Facts{Done: true}, record.Completed, ""},
		{"done but did not end", booted, Facts{Done: true, Killed: KilledAfterDone, Signal: "SIGKILL"}, record.Completed, ""},
		{"exit 0 says nothing", booted, Facts{}, record.Reset, `the machine was reset before the guest was done; last console line: "x"`},
		{"exit 0 after a panic", dead, Facts{Exit: 0}, record.Panicked, "Fatal exception in interrupt"},
		{"panic without a reset", dead, Facts{Killed: KilledDying, Signal: "SIGKILL"}, record.Panicked, "Fatal exception in interrupt"},
		{"a panic line, but done", dead, Facts{Done: true}, record.Completed, ""},
		{"QEMU killed after done", booted, Facts{Done: true, Signal: "SIGKILL"}, record.Completed, ""},
		{"stopped", booted, Facts{Killed: KilledStopped, Signal: "SIGKILL"}, record.QEMUFailed, "QEMU was stopped by a signal or a debugger and not continued"},
		{"stopped before the first byte", Log{}, Facts{Killed: KilledStopped, Signal: "SIGKILL"}, record.QEMUFailed, "QEMU was stopped by a signal or a debugger and not continued"},
		{"killed by another", booted, Facts{Signal: "SIGKILL"}, record.QEMUFailed, "QEMU was killed by SIGKILL, which netstrip did not send"},
		{"QEMU's own error", Log{}, Facts{Exit: 1, Message: "qemu: could not load kernel"}, record.QEMUFailed, "QEMU exited with status 1: qemu: could not load kernel"},
		{"told to end", booted, Facts{Message: "qemu: terminating on signal 15 from pid 7 (kill)"}, record.QEMUFailed, "QEMU was terminated: qemu: terminating on signal 15 from pid 7 (kill)"},
		{"stuck in a probe", booted, Facts{Killed: KilledStuck, Idle: time.Minute, Events: 3, Running: "lo/mtu", Signal: "SIGKILL"}, record.Hung,
			`no progress for 1m0s, in the guest's program; probe lo/mtu was running; last console line: "x"`},
		{"late", booted, Facts{Killed: KilledLate, Signal: "SIGKILL"}, record.TimedOut, `still making progress at the time limit; last console line: "x"`},
		{"flood", booted, Facts{Flood: true, Killed: KilledFlood, Signal: "SIGKILL"}, record.TimedOut, `the guest sent more output than a boot may; last console line: "x"`},
		{"flood that ends by itself", booted, Facts{Flood: true}, record.TimedOut, `the guest sent more output than a boot may; last console line: "x"`},
		{"second banner", Log{Bytes: 100, Banners: 2, Last: "x"}, Facts{Killed: KilledStuck, Signal: "SIGKILL"}, record.Reset, `the kernel started 2 times; last console line: "x"`},
		{"silent", Log{}, Facts{Killed: KilledSilent, Idle: time.Minute, Signal: "SIGKILL"}, record.Silent, "no console byte and no event in 1m0s"},
		{"silent reset", Log{}, Facts{}, record.Silent, "the machine was reset before the first console byte"},
		{"firmware alone", firmware, Facts{Killed: KilledSilent, Idle: time.Minute, Signal: "SIGKILL"}, record.Silent,
			"the firmware (OpenSBI) printed 9 lines; the kernel none, and there was no event in 1m0s"},
		{"firmware alone, then a reset", firmware, Facts{}, record.Silent, "the firmware (OpenSBI) printed 9 lines; the kernel none before the machine was reset"},
		{"endless firmware", firmware, Facts{Killed: KilledLate, Signal: "SIGKILL"}, record.TimedOut, `still making progress at the time limit; last console line: "x"`},
		{"firmware floods", firmware, Facts{Killed: KilledFlood, Flood: true, Signal: "SIGKILL"}, record.TimedOut, `the guest sent more output than a boot may; last console line: "x"`},
		{"firmware and a program without a kernel's word", Log{Bytes: 100, Lines: 10, Firmware: "OpenSBI", FirmwareLines: 9, Last: "x"},
			Facts{Killed: KilledStuck, Idle: time.Minute, Signal: "SIGKILL"}, record.Hung, `no progress for 1m0s, before the kernel banner; last console line: "x"`},
		{"firmware, but events", firmware, Facts{Events: 2, Killed: KilledStuck, Idle: time.Minute}, record.Hung,
			`no progress for 1m0s, in the guest's program; last console line: "x"`},
		{"no console but events", Log{}, Facts{Events: 2, Killed: KilledStuck, Idle: time.Minute}, record.Hung,
			`no progress for 1m0s, in the guest's program; last console line: ""`},
		{"no console but done", Log{}, Facts{Done: true}, record.Completed, ""},
	} {
		got, reason := Classify(tc.log, tc.facts)
		assert.Equal(t, tc.want, got, tc.name)
		assert.Equal(t, tc.reason, reason, tc.name)
	}
}

// The reason says in words how init ended, unless the kernel itself killed it.
func TestHowInitEnded(t *testing.T) {
	for code, want := range map[string]string{
		"00000000": " (exit status 0)",
		"00000200": " (exit status 2)",
		"00000004": " (SIGILL)", // the kernel has no floating point
		"0000000b": " (SIGSEGV)",
		"0000008b": " (SIGSEGV)", // with a core dump
		"0000ff00": " (exit status 255)",
		"00000022": " (signal 34)",
		"0000007f": "",
		"1234":     "",
	} {
		message := "Attempted to kill init! exitcode=0x" + code
		outcome, reason := Classify(Log{Bytes: 1, Panic: message}, Facts{})
		assert.Equal(t, record.InitFailed, outcome)
		assert.Equal(t, message+want, reason)
		_, reason = Classify(Log{Bytes: 1, Panic: message, Oopsed: true}, Facts{})
		assert.Equal(t, message, reason)
	}
}

// A guest may print anything. Only lines that printk could have written count.
func TestForgedLines(t *testing.T) {
	l := Read([]byte("my Kernel panic - not syncing: no\n> Linux version 6.12\nsaid: Run /init as init process\n"))
	assert.Empty(t, l.Panic)
	assert.Zero(t, l.Banners+l.Inits)
	l = Read([]byte("[    0.000000] Linux version 6.12.117 (x)\nKernel panic - not syncing: no\nRun /init as init process\nBUG: no\n"))
	assert.Empty(t, l.Panic, "this kernel stamps its lines")
	assert.Zero(t, l.Inits+len(l.Notices))
}

// The kernel may start a message in the middle of a line of user space.
func TestPanicInTheMiddleOfALine(t *testing.T) {
	const line = "waiting...[    1.234567] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000\n"
	assert.Equal(t, "Attempted to kill init! exitcode=0x00000000", Read([]byte("[    0.000000] Linux version 6.12.117 (x)\n"+line)).Panic)
	assert.Equal(t, Panic, PhaseOf([]byte(line)))
}

func TestEnd(t *testing.T) {
	dead := Log{Panic: "x"}
	for _, tc := range []struct {
		log   Log
		facts Facts
		want  string
	}{
		{Log{}, Facts{}, ""},
		{Log{}, Facts{Done: true}, ""},
		{dead, Facts{}, ""},
		{dead, Facts{Killed: KilledDying, Signal: "SIGKILL"}, "the panicked kernel did not reset; QEMU was killed"},
		{Log{}, Facts{Done: true, Killed: KilledAfterDone, Signal: "SIGKILL"}, "the guest was done but did not end; QEMU was killed"},
		{Log{}, Facts{Done: true, Signal: "SIGKILL"}, "after the guest was done: QEMU was killed by SIGKILL, which netstrip did not send"},
		{Log{}, Facts{Done: true, Killed: KilledStopped, Signal: "SIGKILL"}, "after the guest was done: QEMU was stopped by a signal or a debugger and not continued"},
	} {
		assert.Equal(t, tc.want, End(tc.log, tc.facts))
	}
}

func TestPhaseOf(t *testing.T) {
	assert.Equal(t, Banner, PhaseOf([]byte("[    0.000000] Linux version 6.12.117 (x) #1\r")))
	assert.Equal(t, Init, PhaseOf([]byte("[    0.500000][    T1] Run /init as init process")))
	assert.Equal(t, Panic, PhaseOf([]byte("[    0.500000] Kernel panic - not syncing: x")))
	assert.Equal(t, NoPhase, PhaseOf([]byte("Kernel panic - not syncing: x")), "any program may have printed it")
	assert.Equal(t, NoPhase, PhaseOf([]byte("[    0.500000] Command line: x")))
}

func TestNoticesAreBounded(t *testing.T) {
	var log bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&log, "traps: %s\nBUG: again and again\n", strings.Repeat("x", 1+i%100))
	}
	log.WriteString("BUG: the last\n")
	l := Read(log.Bytes())
	assert.Len(t, l.Notices, maxNotices)
	assert.Equal(t, []string{"BUG: again and again (1000 times)", "traps: xx (10 times)"}, l.Notices[:2])
	assert.Equal(t, []string{"BUG: the last", "821 more lines of other kinds"}, l.Notices[maxNotices-2:], "lesser lines do not displace a fault")
	assert.Equal(t, 1001, l.Faults)
}

// Some lines are worth a notice, although they report no fault of the kernel.
func TestNoticesWithoutAFault(t *testing.T) {
	for _, line := range []string{
		"init[1]: segfault at 0 ip 0000000000401000 sp 00007ffe error 4 in init[401000+1000]",
		"init[1]: segfault (11) at 0 nip 10000 lr 20000 code 1 in init[10000+1000]",
		"init[1]: unhandled signal 4 code 0x1 at 0x0000000000078e64 in init[11000+b6000]",
		"a b[7]: unhandled exception: DABT (lower EL), ESR 0x0000000092000005, level 1 translation fault in b[400000+1000]",
		"b[7]: unhandled level 1 translation fault (11) at 0x00000000, esr 0x92000005",
		"CPU1: failed to come online",
		"CPU1: failed to start",
	} {
		l := Read([]byte("[    0.000000] Linux version 6.12.117 (x)\n[    1.000000] " + line + "\n"))
		assert.Equal(t, []string{line}, l.Notices)
		assert.Zero(t, l.Faults, line)
	}
}

// Texts from a log go into records and onto terminals.
func TestTextsAreBoundedAndPrintable(t *testing.T) {
	long := strings.Repeat("x", 10*maxText)
	for log, want := range map[string]Log{
		"Kernel panic - not syncing: a\x1b[31mb\x07\xffc\u202ed": {Panic: "ab\ufffd\ufffdc\ufffdd", Last: "Kernel panic - not syncing: ab\ufffd\ufffdc\ufffdd"},
		"\x1b]0;title\x07a\tb\x1b":                               {Last: "a b\ufffd"},
		"BUG: " + long:                                           {Last: ("BUG: " + long)[:maxText], Notices: []string{("BUG: " + long)[:maxText]}},
	} {
		got := Read([]byte(log))
		want.Bytes, want.Lines, want.Faults, want.Foreign = len(log), 1, len(want.Notices), got.Foreign
		assert.Equal(t, want, got)
	}
	_, reason := Classify(Log{Bytes: 1}, Facts{Running: "a\x1b[2J" + long})
	assert.NotContains(t, reason, "\x1b")
	assert.Less(t, len(reason), 2*maxText)
	_, reason = Classify(Log{}, Facts{Exit: 1, Message: "a\x1b[2J"})
	assert.NotContains(t, reason, "\x1b")
}

// A restart is a banner followed by the kernel's command line. A banner alone may be a
// program that prints /proc/version.
func TestSecondBanner(t *testing.T) {
	const start = "Linux version 6.12.117 (x)\nCommand line: console=ttyS0\n"
	assert.Equal(t, 2, Read([]byte(start+start)).Banners)
	assert.Equal(t, 1, Read([]byte(start+"Linux version 6.12.117 (x)\nLinux version 6.12.117 (x)\nx\n")).Banners)
}

// The call trace is the panic's own or that of its cause, not any other.
func TestTraceBelongsToThePanic(t *testing.T) {
	const oom = "CPU: 0 PID: 1 Comm: init Not tainted\nCall Trace:\n <TASK>\n dump_header+0x1/0x2\n ? leftover+0x1/0x2\n </TASK>\n active_file:0\n"
	l := Read([]byte(oom + "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\n"))
	assert.Empty(t, l.PanicTask+strings.Join(l.Trace, " "), "init has ended, long after it ran out of memory")
	l = Read([]byte(oom + "Kernel panic - not syncing: System is deadlocked on memory\n"))
	assert.Equal(t, "init (pid 1)", l.PanicTask)
	assert.Equal(t, []string{"dump_header+0x1/0x2"}, l.Trace)
	l = Read([]byte("general protection fault, maybe for address 0x8: 0000 [#1] SMP\n" + oom + "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\n"))
	assert.Equal(t, "init (pid 1)", l.PanicTask, "it died of an oops")
	assert.Equal(t, []string{"general protection fault, maybe for address 0x8: 0000 [#1] SMP"}, l.Notices)
	l = Read([]byte(strings.Replace(oom, " dump_header+0x1/0x2\n", strings.Repeat(" again+0x1/0x2\n", 1000), 1) + "Kernel panic - not syncing: Fatal exception\n"))
	assert.Len(t, l.Trace, maxTrace)
	l = Read([]byte(oom + "Kernel panic - not syncing: x\nCPU: 1 UID: 0 PID: 7 Comm: kworker/1:0 Tainted\nCall Trace:\n <TASK>\n panic+0x1/0x2\n </TASK>\n" +
		"CPU: 0 PID: 8 Comm: other\nCall Trace:\n idle+0x1/0x2\n"))
	assert.Equal(t, "kworker/1:0 (pid 7)", l.PanicTask)
	assert.Equal(t, []string{"panic+0x1/0x2"}, l.Trace)
}
