package vmtests

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
)

// faultCase is a fault, its cause and the expected result.
type faultCase struct {
	name string
	// fault is caused by the test guest; without one the usual guest boots. asInit makes the test
	// guest process 1.
	fault  wire.Fault
	asInit bool
	// args are added to the kernel command line.
	args []string
	// change changes a guest that would complete.
	change func(*testing.T, *guest.Guest)
	// signal is sent to QEMU when the boot reaches milestone at; 0 is none.
	signal syscall.Signal
	at     guest.Milestone

	want record.Outcome
	// reason and notice are parts of those in the record; without a notice none is allowed.
	reason, notice string
	// reaches is the last milestone that the record must show; from ProbeBegun on also the
	// findings sent before it.
	reaches guest.Milestone
}

// impatient sets the limits of a boot that must hang. A good boot is never silent for this long,
// and no other boot has such short limits.
func impatient(_ *testing.T, g *guest.Guest) {
	g.Limits.Silent, g.Limits.Stuck, g.Limits.Leave, g.Limits.Dying = 5*time.Second, 5*time.Second, time.Second, time.Second
}

// silent sets the limit of a boot without a first byte, for which any limit is right.
func silent(_ *testing.T, g *guest.Guest) { g.Limits.Silent = 2 * time.Second }

func faultCases() []faultCase {
	var all []faultCase
	all = append(all, kernelCases()...)
	all = append(all, initCases()...)
	all = append(all, programCases()...)
	all = append(all, channelCases()...)
	all = append(all, fileCases()...)
	return append(all, qemuCases()...)
}

// Kernels that die or hang. User space cannot switch off interrupts without
// CONFIG_X86_IOPL_IOPERM, so a kernel written by hand does that.
func kernelCases() []faultCase {
	const outOfMemory = "Out of memory: compulsory panic_on_oom is enabled"
	return []faultCase{
		{name: "nothing is wrong", fault: wire.FaultNone, want: record.Completed, reaches: guest.Done},
		{name: "the kernel panics", fault: wire.FaultPanic, want: record.Panicked, reason: outOfMemory, reaches: guest.ProbeBegun},
		{name: "the kernel panics by sysrq", fault: wire.FaultSysrq, want: record.Panicked, reason: "sysrq triggered crash", reaches: guest.ProbeBegun},
		{name: "the kernel panics and stays", fault: wire.FaultPanic, args: []string{"panic=0"}, change: impatient,
			want: record.Panicked, reason: outOfMemory, notice: "did not reset", reaches: guest.ProbeBegun},
		{name: "the kernel panics before there is a console", args: []string{"mem=4M"}, change: silent,
			want: record.Silent, reason: "no console byte and no event in 2s"},
		{name: "the kernel spins without interrupts", change: tiny("Linux version 0.0 by hand\n", spins),
			want: record.Hung, reason: "in the kernel, before init", reaches: guest.Banner},
		{name: "the kernel is silent", change: tiny("", spins), want: record.Silent, reason: "no console byte and no event in 2s"},
		{name: "the kernel resets", change: tiny("Linux version 0.0 by hand\n", resets),
			want: record.Reset, reason: "reset before the guest was done", reaches: guest.Banner},
		{name: "the kernel resets in silence", change: tiny("", resets),
			want: record.Silent, reason: "reset before the first console byte"},
		{name: "the kernel starts twice", change: tiny(strings.Repeat("Linux version 0.0 by hand\nCommand line: x\n", 2), spins),
			want: record.Reset, reason: "the kernel started 2 times", reaches: guest.Banner},
	}
}

func tiny(text string, end []byte) func(*testing.T, *guest.Guest) {
	return func(t *testing.T, g *guest.Guest) {
		g.Kernel = tinyKernel(t, text, end)
		g.Limits.Silent, g.Limits.Stuck = 2*time.Second, 2*time.Second
		if text != "" {
			g.Limits.Silent = 10 * time.Second
		}
	}
}

// Inits that are missing or end.
func initCases() []faultCase {
	const none, died = "No working init found", "Attempted to kill init! exitcode="
	return []faultCase{
		{name: "init is missing", args: []string{"rdinit=/none"}, want: record.InitFailed, reason: none, reaches: guest.Banner},
		{name: "init is not a program", change: func(t *testing.T, g *guest.Guest) { g.Image = scratched(t, g.Image) },
			want: record.InitFailed, reason: none, notice: "Failed to execute /init (error -8)", reaches: guest.InitStarted},
		{name: "the initramfs does not fit into memory", args: []string{"mem=32M"},
			want: record.InitFailed, reason: none, notice: "Initramfs unpacking failed: write error", reaches: guest.InitStarted},
		{name: "init exits", fault: wire.FaultExit, asInit: true, want: record.InitFailed, reason: died + "0x00000000", reaches: guest.InitStarted},
		{name: "init is killed by a signal", fault: wire.FaultSignal, asInit: true,
			want: record.InitFailed, reason: died + "0x0000000b", notice: "segfault at", reaches: guest.InitStarted},
		{name: "init crashes", fault: wire.FaultCrash, asInit: true, want: record.InitFailed, reason: died + "0x00000200", reaches: guest.InitStarted},
		{name: "init exits in the middle of a line", fault: wire.FaultMidLine, asInit: true,
			want: record.InitFailed, reason: died + "0x00000000", reaches: guest.InitStarted},
		{name: "init takes all memory", fault: wire.FaultMemory, asInit: true,
			want: record.Panicked, reason: "System is deadlocked on memory", notice: "Out of memory and no killable", reaches: guest.InitStarted},
		{name: "init hangs", fault: wire.FaultHang, asInit: true, change: impatient,
			want: record.Hung, reason: "after init started", reaches: guest.InitStarted},
		{name: "init reboots", fault: wire.FaultReboot, asInit: true, want: record.Reset, reason: "reset before", reaches: guest.InitStarted},
	}
}

// Guest programs that hang, crash or spin while a probe runs. When the program is gone,
// u-root's init finds nothing else to start and exits.
func programCases() []faultCase {
	const gone = "Attempted to kill init!"
	return []faultCase{
		{name: "a probe hangs", fault: wire.FaultHang, change: impatient,
			want: record.Hung, reason: "in the guest's program; probe fault/hang was running", reaches: guest.ProbeBegun},
		{name: "a probe takes the CPU", fault: wire.FaultSpin, change: impatient,
			want: record.Hung, reason: "probe fault/spin was running", reaches: guest.ProbeBegun},
		{name: "a probe crashes", fault: wire.FaultCrash, want: record.InitFailed, reason: gone, reaches: guest.ProbeBegun},
		{name: "a probe is killed by a signal", fault: wire.FaultSignal, want: record.InitFailed, reason: gone, reaches: guest.ProbeBegun},
		{name: "a probe exits", fault: wire.FaultExit, want: record.InitFailed, reason: gone, reaches: guest.ProbeBegun},
		{name: "a probe takes all memory", fault: wire.FaultMemory,
			want: record.InitFailed, reason: gone, notice: "Out of memory: Killed process", reaches: guest.ProbeBegun},
		{name: "a probe reboots", fault: wire.FaultReboot, want: record.Reset, reason: "probe fault/reboot was running", reaches: guest.ProbeBegun},
		{name: "a probe forges a panic", fault: wire.FaultForge, change: impatient,
			want: record.Hung, reason: "probe fault/forge was running", reaches: guest.ProbeBegun},
		{name: "a probe goes on and on", fault: wire.FaultChatter, change: func(_ *testing.T, g *guest.Guest) { g.Limits.Total = 8 * time.Second },
			want: record.TimedOut, reason: "still making progress at the time limit; probe fault/chatter was running", reaches: guest.ProbeBegun},
	}
}

// Guests that send what they should not.
func channelCases() []faultCase {
	const tooMuch = "the guest sent more output than a boot may; probe fault/"
	return []faultCase{
		{name: "a console of 1 GB", fault: wire.FaultConsole, want: record.TimedOut, reason: tooMuch + "console", reaches: guest.ProbeBegun},
		{name: "1 GB of events", fault: wire.FaultFlood, want: record.TimedOut, reason: "the guest sent more output than a boot may",
			notice: "over the 10000 events", reaches: guest.ProbeBegun},
		{name: "a line of 1 GB", fault: wire.FaultEndless, want: record.TimedOut, reason: tooMuch + "endless",
			notice: "1 event lines longer than", reaches: guest.ProbeBegun},
		{name: "a line of 100 KiB", fault: wire.FaultLong, want: record.Completed, notice: "1 event lines longer than", reaches: guest.Done},
		{name: "binary junk", fault: wire.FaultJunk, want: record.Completed, notice: "2 event lines that are not events", reaches: guest.Done},
		{name: "half an event", fault: wire.FaultCut, want: record.Reset, reason: "probe fault/cut was running",
			notice: "1 event lines that are not events", reaches: guest.ProbeBegun},
		{name: "events after done", fault: wire.FaultLate, want: record.Completed, notice: `3 event lines after "done"`, reaches: guest.Done},
		{name: "a second hello", fault: wire.FaultHello, want: record.Completed, notice: "the guest said hello 2 times; the first counts", reaches: guest.Done},
		{name: "an answer and its opposite", fault: wire.FaultTwice, want: record.Completed,
			notice: "1 probes with two different answers, counted as inconclusive: fault/sound/1", reaches: guest.Done},
		{name: "an answer and the same again", fault: wire.FaultRepeat, want: record.Completed,
			notice: "1 findings were sent twice, identically", reaches: guest.Done},
		{name: "done, but not the end", fault: wire.FaultLinger, change: impatient,
			want: record.Completed, notice: "the guest was done but did not end", reaches: guest.Done},
	}
}

// Bad files: infrastructure failures, found before the boot.
func fileCases() []faultCase {
	kernel := func(make func(*testing.T, *guest.Guest) string) func(*testing.T, *guest.Guest) {
		return func(t *testing.T, g *guest.Guest) { g.Kernel = make(t, g) }
	}
	image := func(make func(*testing.T, *guest.Guest) string) func(*testing.T, *guest.Guest) {
		return func(t *testing.T, g *guest.Guest) { g.Image = make(t, g) }
	}
	none := func(t *testing.T, _ *guest.Guest) string { return filepath.Join(t.TempDir(), "none") }
	return []faultCase{
		{name: "files for their owner alone", change: func(t *testing.T, g *guest.Guest) { g.Kernel, g.Image = private(t, g.Kernel), private(t, g.Image) },
			want: record.Completed, reaches: guest.Banner},
		{name: "a FIFO for a kernel", change: kernel(fifo), want: record.ImageFailed, reason: "it is a FIFO, not a regular file"},
		{name: "a FIFO for an initramfs", change: image(fifo), want: record.ImageFailed, reason: "it is a FIFO, not a regular file"},
		{name: "no kernel", change: kernel(none), want: record.ImageFailed, reason: "no such file"},
		{name: "a kernel cut to 70 %", change: kernel(func(t *testing.T, g *guest.Guest) string { return cut(t, g.Kernel, 0.7) }),
			want: record.ImageFailed, reason: "truncated: "},
		{name: "an empty kernel", change: kernel(func(t *testing.T, g *guest.Guest) string { return cut(t, g.Kernel, 0) }),
			want: record.ImageFailed, reason: "it is not a kernel image for x86_64"},
		{name: "a kernel for arm64", change: kernel(func(t *testing.T, _ *guest.Guest) string { return arm64Image(t) }),
			want: record.ImageFailed, reason: "it is not a kernel image for x86_64 but for arm64"},
		{name: "a vmlinux for arm64", change: kernel(func(t *testing.T, _ *guest.Guest) string { return arm64ELF(t) }),
			want: record.ImageFailed, reason: "an ELF file for EM_AARCH64"},
		{name: "a command line of 2,100 bytes", args: []string{strings.Repeat("x", 2100)},
			want: record.ImageFailed, reason: "bytes; the kernel takes 2047"},
		{name: "no initramfs", change: image(none), want: record.ImageFailed, reason: "no such file"},
		{name: "an initramfs cut to half", change: image(func(t *testing.T, g *guest.Guest) string { return cut(t, g.Image, 0.5) }),
			want: record.ImageFailed, reason: "truncated at byte"},
		{name: "an initramfs that is not a cpio", change: image(func(_ *testing.T, g *guest.Guest) string { return g.Kernel }),
			want: record.ImageFailed, reason: "no cpio record at byte 0"},
		{name: "a machine of 24 MiB", change: func(_ *testing.T, g *guest.Guest) { g.MemoryMiB = 24 },
			want: record.ImageFailed, reason: "MiB of memory; the machine has 24"},
	}
}

// instead replaces QEMU with a script that can run it as $qemu.
func instead(script string) func(*testing.T, *guest.Guest) {
	return func(t *testing.T, g *guest.Guest) {
		g.QEMU = executable(t, "#!/bin/sh\nPATH=$PATH:/usr/bin:/bin\nqemu="+g.QEMU+"\n"+script+"\n")
	}
}

// QEMUs that are missing, refuse, are killed or stopped.
func qemuCases() []faultCase {
	const endedAlone = "QEMU exited with status 0, but the guest had not shut the machine down: "
	const killed, stopped = "QEMU was killed by SIGKILL, which netstrip did not send", "QEMU was stopped"
	kill := func(name string, at guest.Milestone, fault wire.Fault) faultCase {
		return faultCase{name: "QEMU is killed " + name, fault: fault, signal: syscall.SIGKILL, at: at,
			want: record.QEMUFailed, reason: killed, reaches: at}
	}
	stop := func(name string, at guest.Milestone, fault wire.Fault) faultCase {
		limits := impatient
		if at == guest.Started {
			limits = silent
		}
		return faultCase{name: "QEMU is stopped " + name, fault: fault, signal: syscall.SIGSTOP, at: at, change: limits,
			want: record.QEMUFailed, reason: stopped, reaches: at}
	}
	end := func(name string, at guest.Milestone, fault wire.Fault, signal syscall.Signal) faultCase {
		return faultCase{name: "QEMU is told to end " + name, fault: fault, signal: signal, at: at,
			want: record.QEMUFailed, reason: "QEMU was terminated: ", reaches: at}
	}
	afterDone := kill("after done", guest.Done, wire.FaultLinger)
	afterDone.want, afterDone.reason, afterDone.notice = record.Completed, "", "after the guest was done: "+killed
	return []faultCase{
		{name: "no QEMU", change: func(_ *testing.T, g *guest.Guest) { g.QEMU = "/none/qemu" }, want: record.QEMUFailed, reason: "/none/qemu"},
		{name: "QEMU refuses the machine", change: func(_ *testing.T, g *guest.Guest) { g.Accel = "none" },
			want: record.QEMUFailed, reason: "QEMU exited with status 1: "},
		{name: "QEMU ends at once with status 0", change: instead("exit 0"), want: record.QEMUFailed, reason: endedAlone + "no message"},
		{name: "QEMU ends half way with status 0", change: instead(`"$qemu" "$@" & sleep 0.6; kill -9 $!; exit 0`), want: record.QEMUFailed, reason: endedAlone},
		{name: "QEMU leaves a child behind", change: instead(`sleep 300 & exec "$qemu" "$@"`), fault: wire.FaultNone, want: record.Completed, reaches: guest.Done},
		{name: "QEMU leaves a child behind in a session of its own", change: escapee,
			fault: wire.FaultNone, want: record.Completed, notice: "has left QEMU's process group and holds its output open", reaches: guest.Done},
		kill("before the first byte", guest.Started, wire.FaultNone),
		kill("in the kernel", guest.Banner, wire.FaultNone),
		kill("in init", guest.InitStarted, wire.FaultNone),
		kill("in a probe", guest.ProbeBegun, wire.FaultHang),
		afterDone,
		end("in the kernel", guest.Banner, wire.FaultNone, syscall.SIGTERM),
		end("in a probe", guest.ProbeBegun, wire.FaultHang, syscall.SIGINT),
		stop("before the first byte", guest.Started, wire.FaultNone),
		stop("in the kernel", guest.Banner, wire.FaultNone),
		stop("in a probe", guest.ProbeBegun, wire.FaultHang),
	}
}

// escapee makes QEMU leave behind a child that holds its pipes until the case is over.
func escapee(t *testing.T, g *guest.Guest) {
	mark := executable(t, "") // removed when the case is over
	instead(`setsid sh -c "while test -e `+mark+`; do sleep 0.1; done" & exec "$qemu" "$@"`)(t, g)
}
