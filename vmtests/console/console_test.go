package console

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// corpus are logs of real boots of Linux 6.12.117 under QEMU 7.2, with what the rig
// saw beside them.
var corpus = map[string]Facts{
	"no-init-base":      {},
	"init-missing-full": {},
	"init-exits-base":   {},
	"init-segv-full":    {}, // booted with "quiet"
	"reboots-base":      {}, // without time stamps
	"hangs-full":        {Killed: KilledStuck, Idle: 60 * time.Second},
	"oom-base":          {},
	"junk-initrd-full":  {},
	"trunc-initrd-base": {},
	"empty":             {Killed: KilledSilent, Idle: 30 * time.Second},
}

func TestCorpus(t *testing.T) {
	for name, facts := range corpus {
		t.Run(name, func(t *testing.T) {
			log, err := os.ReadFile(filepath.Join("testdata", name+".log"))
			require.NoError(t, err)
			got := describe(Read(log), facts)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
	logs, err := filepath.Glob("testdata/*.log")
	require.NoError(t, err)
	assert.Len(t, logs, len(corpus), "every log has a line in the corpus")
}

func describe(l Log, f Facts) string {
	outcome, reason := Classify(l, f)
	var b strings.Builder
	fmt.Fprintf(&b, "outcome %s\nreason  %s\nbanners %d, inits %d\npanic   %s\ntask    %s\nlast    %s\n",
		outcome, reason, l.Banners, l.Inits, l.Panic, l.PanicTask, l.Last)
	for _, n := range l.Notices {
		fmt.Fprintf(&b, "notice  %s\n", n)
	}
	for _, fn := range l.Trace {
		fmt.Fprintf(&b, "trace   %s\n", fn)
	}
	return b.String()
}

// The same log must read the same however the line was wired: CR LF, a firmware's
// escape sequences before the banner, output after the end.
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
		got.Bytes = want.Bytes
		assert.Equal(t, want, got, name)
	}
}

func TestClassify(t *testing.T) {
	booted := Log{Bytes: 100, Banners: 1, Inits: 1, Last: "x"}
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
		{"killed by another", booted, Facts{Signal: "SIGKILL"}, record.QEMUFailed, "QEMU was killed by SIGKILL, which netstrip did not send"},
		{"QEMU's own error", Log{}, Facts{Exit: 1, Message: "qemu: could not load kernel"}, record.QEMUFailed, "QEMU ended with status 1: qemu: could not load kernel"},
		{"stuck in a probe", booted, Facts{Killed: KilledStuck, Idle: time.Minute, Events: 3, Running: "lo/mtu", Signal: "SIGKILL"}, record.Hung,
			`nothing moved for 1m0s, in the guest's program; probe lo/mtu had begun; last console line: "x"`},
		{"late", booted, Facts{Killed: KilledLate}, record.TimedOut, `it moved on, but not to an end in time; last console line: "x"`},
		{"flood", booted, Facts{Killed: KilledFlood}, record.TimedOut, `it sent more output than a boot may; last console line: "x"`},
		{"silent reset", Log{}, Facts{}, record.Silent, "the machine was reset before the first console byte"},
		{"no console but events", Log{}, Facts{Events: 2, Killed: KilledStuck, Idle: time.Minute}, record.Hung,
			`nothing moved for 1m0s, in the guest's program; last console line: ""`},
		{"no console but done", Log{}, Facts{Done: true}, record.Completed, ""},
	} {
		got, reason := Classify(tc.log, tc.facts)
		assert.Equal(t, tc.want, got, tc.name)
		assert.Equal(t, tc.reason, reason, tc.name)
	}
}

// A guest may print what it likes; only a line that printk could have written counts.
func TestForgedLines(t *testing.T) {
	l := Read([]byte("my Kernel panic - not syncing: no\n> Linux version 6.12\nsaid: Run /init as init process\n"))
	assert.Empty(t, l.Panic)
	assert.Zero(t, l.Banners+l.Inits)
}

func TestPhaseOf(t *testing.T) {
	assert.Equal(t, Banner, PhaseOf([]byte("[    0.000000] Linux version 6.12.117 (x) #1\r")))
	assert.Equal(t, Init, PhaseOf([]byte("[    0.5][    T1] Run /init as init process")))
	assert.Equal(t, NoPhase, PhaseOf([]byte("[    0.5] Command line: x")))
}

func TestNoticesAreBounded(t *testing.T) {
	l := Read(bytes.Repeat([]byte("BUG: x\n"), 1000))
	assert.Len(t, l.Notices, maxNotices)
}

func FuzzRead(f *testing.F) {
	logs, _ := filepath.Glob("testdata/*.log")
	for _, name := range logs {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		outcome, _ := Classify(Read(data), Facts{})
		assert.NotEmpty(t, outcome)
		assert.NotEqual(t, record.Completed, outcome, "no line can make a boot complete")
	})
}
