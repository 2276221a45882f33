package console

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/record"
)

// Facts that the host observes about boots that it kills, and about one that is done.
var (
	stuck  = Facts{Killed: KilledStuck, Idle: 60 * time.Second, Signal: "SIGKILL"}
	silent = Facts{Killed: KilledSilent, Idle: 30 * time.Second, Signal: "SIGKILL"}
	late   = Facts{Killed: KilledLate, Signal: "SIGKILL"}
	flood  = Facts{Killed: KilledFlood, Flood: true, Signal: "SIGKILL"}
	done   = Facts{Done: true, Events: 1}
)

// corpus are logs of real boots of Linux 6.12.117 and 6.1.192 (names with 61) under QEMU
// 7.2, with the facts observed; the longest are cut. Most are of kernels of the ladder with
// a small program as init. Names with crash have a kernel with LKDTM, the lockup detectors,
// KALLSYMS and PRINTK_CALLER too; no-printk is without CONFIG_PRINTK; nots is with
// printk.time=0, quiet with that parameter, firmware with SeaBIOS on the serial line. Names
// with arm64 and riscv64 have a kernel of that architecture, arm64 without KALLSYMS; the
// oopses are real, after a debugger had overwritten a system call.
var corpus = map[string]Facts{
	"no-init-base":           {},
	"init-missing-full":      {},
	"init-exits-base":        {},
	"init-segv-full":         {}, // booted with "quiet"
	"reboots-base":           {}, // without time stamps
	"hangs-full":             stuck,
	"oom-base":               {},
	"junk-initrd-full":       {},
	"trunc-initrd-base":      {},
	"empty":                  silent,
	"firmware-opensbi":       silent, // OpenSBI 1.1 that starts zeros
	"firmware-opensbi-uboot": silent, // OpenSBI 1.1 and U-Boot 2023.01 that find no kernel
	"firmware-uefi":          silent, // EDK II that finds no kernel on arm64

	"init-aborts-quiet":     {},
	"init-gp-fault-nots":    {},
	"init-no-script-quiet":  {},
	"init-mid-line":         {},
	"init-firmware":         {},
	"init-exits-61":         {},
	"init-ill-61-nots":      {},
	"init-requested-61":     {}, // quiet
	"init-mid-line-61":      {},
	"trunc-initrd-61":       {},
	"oom-panics":            {}, // vm.panic_on_oom=1
	"oom-61-quiet":          {},
	"oom-survived-nots":     done,
	"oom-survived-61-quiet": done,
	"segv-survived-61":      done,
	"halts":                 stuck,
	"powers-off":            stuck,
	"hangs-quiet":           stuck,
	"hangs-mid-line":        stuck,
	"spins-61-nots":         stuck,
	"escapes":               stuck,
	"shows-version":         stuck,
	"forged-panic":          {}, // on the console
	"forged-panic-kmsg":     {}, // through printk
	"forged-panic-hangs":    stuck,
	"reboots-61-quiet":      {},
	"starts-again-firmware": late, // QEMU without -no-reboot
	"starts-again-61-nots":  late,
	"cut-off":               late,
	"floods-quiet":          flood,
	"too-little-memory":     {},    // 24 MiB
	"systemd-freezes":       stuck, // services-no-net
	"no-printk-no-init":     {},
	"no-printk-exits":       {},
	"no-printk-hangs":       stuck,

	"arm64-init-exits":          {},
	"arm64-init-ill-nots":       {},
	"arm64-oops-init":           {},
	"arm64-oops-panics":         {}, // oops=panic
	"arm64-oops-survived":       {}, // in a child of init, which then powers off
	"arm64-undef-survived-nots": {}, // the same
	"arm64-brk-panics":          {}, // oops=panic
	"arm64-jump-init-quiet":     {}, // a jump to address 0
	"arm64-oom":                 {},
	"arm64-starts-again":        late, // QEMU without -no-reboot
	"arm64-hangs":               stuck,
	"arm64-powers-off":          {},
	"arm64-firmware-uboot-nots": stuck, // U-Boot 2023.01 starts the kernel

	"riscv64-init-exits":        {},
	"riscv64-init-ill":          {},
	"riscv64-init-ill-nots":     {},
	"riscv64-init-segv-quiet":   {},
	"riscv64-oops-init":         {},
	"riscv64-oops-panics":       {}, // oops=panic
	"riscv64-oops-survived":     {}, // in a child of init, which then powers off
	"riscv64-undef-panics-nots": {},
	"riscv64-brk-panics":        {},   // oops=panic
	"riscv64-jump-init-quiet":   {},   // a jump to address 0
	"riscv64-starts-again":      late, // QEMU without -no-reboot
	"riscv64-hangs":             stuck,
	"riscv64-powers-off":        {},

	"crash-panic":              {},
	"crash-sysrq":              {},
	"crash-oops-init":          {},
	"crash-oops-panics":        {},
	"crash-oops-survived":      done,
	"crash-bug-survived-nots":  done,
	"crash-warning-survived":   done,
	"crash-stack-overflow":     stuck,
	"crash-soft-lockup":        stuck,
	"crash-soft-lockup-panics": {},
	"crash-rcu-stall":          stuck,
	"crash-hung-task":          stuck,
	"crash-hung-task-panics":   {},
}

func TestCorpus(t *testing.T) {
	outcomes := map[record.Outcome]int{}
	for name, facts := range corpus {
		t.Run(name, func(t *testing.T) {
			log, err := os.ReadFile(filepath.Join("testdata", name+".log"))
			require.NoError(t, err)
			l := Read(log)
			outcome, _ := Classify(l, facts)
			outcomes[outcome]++
			got := describe(l, facts)
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
	assert.Len(t, logs, len(corpus), "every log is listed in the corpus")
	for _, o := range []record.Outcome{record.Completed, record.Panicked, record.InitFailed, record.Hung, record.Reset, record.Silent, record.TimedOut} {
		assert.GreaterOrEqual(t, outcomes[o], 2, "real logs of the outcome %s", o)
	}
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

// texts returns every text in a Log.
func texts(l Log) []string {
	return append(append([]string{l.Panic, l.PanicTask, l.Last}, l.Notices...), l.Trace...)
}

// FuzzRead checks for any log that the texts in it are bounded and printable, that no line
// makes a boot complete or a fault of QEMU, and that firmware is told from the kernel while the
// log is written as it is afterwards.
func FuzzRead(f *testing.F) {
	logs, err := filepath.Glob("testdata/*.log")
	require.NoError(f, err)
	kinds, err := filepath.Glob("testdata/kinds/*.log")
	require.NoError(f, err)
	require.Greater(f, len(logs)*len(kinds), 1000)
	for _, name := range append(logs, kinds...) {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		// The end is the most interesting part, and long seeds slow the fuzzer down.
		f.Add(data[max(0, len(data)-4<<10):])
	}
	f.Add([]byte("[    0.000000] Linux version 6.12\n[    1.000000] BUG: \x1b[2J\xff\u202e\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := Read(data)
		for _, s := range texts(l) {
			assert.LessOrEqual(t, len(s), 3*maxText+32, "a byte becomes at most U+FFFD")
			for _, r := range s {
				require.True(t, unicode.IsPrint(r), "%U in %q", r, s)
			}
		}
		var firmware Firmware
		spoke := false
		for raw := range bytes.SplitSeq(data, []byte("\n")) {
			spoke = firmware.Over(raw)
		}
		if l.Lines > 0 && !bytes.Contains(data, []byte("```")) {
			assert.Equal(t, !spoke, l.onlyFirmware())
		}
		assert.LessOrEqual(t, len(l.Notices), maxNotices)
		assert.LessOrEqual(t, len(l.Trace), maxTrace)
		for _, facts := range []Facts{{}, stuck, late, silent, flood} {
			outcome, reason := Classify(l, facts)
			assert.NotEmpty(t, outcome)
			assert.NotEmpty(t, reason)
			assert.NotEqual(t, record.Completed, outcome, "no line can make a boot complete")
			assert.False(t, outcome.RigFault(), "or an infrastructure failure")
		}
	})
}
