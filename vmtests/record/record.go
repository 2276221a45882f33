// Package record defines what is recorded about a boot, and stores it: one JSON object per
// line in a results file that is only appended to. The plan of each run is stored there too,
// so that an interrupted run can be recognised and resumed. It runs on the host. Everything
// after a boot (tables, comparison, expectations) works from records alone.
package record

import (
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/program"
)

// Schema is the version of the record format written by this package.
const Schema = 1

// Outcome is how a boot ended. The zero value means no verdict, so that an interrupted run
// cannot look like one that passed.
type Outcome string

// The outcomes of a kernel, followed by infrastructure failures, which say nothing about it.
const (
	// Completed: the guest's last event, "done", arrived.
	Completed Outcome = "completed"
	// Panicked: the kernel printed a panic.
	Panicked Outcome = "panicked"
	// InitFailed: init could not be started, or exited.
	InitFailed Outcome = "init-failed"
	// Hung: neither console nor event channel produced anything for the stuck limit.
	Hung Outcome = "hung"
	// Reset: the machine restarted (a second banner, a triple fault).
	Reset Outcome = "reset"
	// Silent: the kernel printed nothing on the console; firmware may have.
	Silent Outcome = "silent"
	// TimedOut: still making progress at the time limit.
	TimedOut Outcome = "timed-out"

	// BuildFailed: the kernel could not be built.
	BuildFailed Outcome = "build-failed"
	// ImageFailed: the initramfs could not be built, the kernel or the initramfs is damaged
	// or unreadable, or the machine has too little memory for both.
	ImageFailed Outcome = "image-failed"
	// QEMUFailed: QEMU could not be started, was killed, or reported an error.
	QEMUFailed Outcome = "qemu-failed"
)

// RigFault reports whether o is an infrastructure failure, which says nothing about the kernel.
func (o Outcome) RigFault() bool {
	return o == BuildFailed || o == ImageFailed || o == QEMUFailed
}

// Record is everything known about one boot.
type Record struct {
	Schema int `json:"schema"`
	// ID names the record: RUN/PROFILE, with /2, /3, ... behind it if the profile was
	// booted several times in one run.
	ID string `json:"id"`
	// Run names the invocation that made the boot; names of runs sort by time.
	Run string `json:"run"`
	// Time is when QEMU was started.
	Time time.Time `json:"time"`
	// Profile is the name of the profile, followed by /INIT if Init is set (full/busybox).
	// Series is the kernel series (6.12).
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Arch is the name of the architecture (arch.Arch); empty means x86_64.
	Arch string `json:"arch,omitempty"`
	// Init is the init under test, such as busybox; empty means u-root's init, which is not
	// itself under test.
	Init string `json:"init,omitempty"`

	// Probes are the patterns that selected the probes; empty means all except those that
	// run only when named.
	Probes string `json:"probes,omitempty"`

	// Append are the arguments that the user added to the kernel's command line.
	Append string `json:"append,omitempty"`

	// Netstrip is the program that wrote the record; nil if it was too old to say.
	Netstrip *program.Program `json:"netstrip,omitempty"`

	Kernel    kernel.Built `json:"kernel"`
	Initramfs Filesystem   `json:"initramfs"`
	Machine   Machine      `json:"machine"`
	// Exec is the user's program that was run instead of the probes, without its environment; nil if
	// there was none.
	Exec *wire.Command `json:"exec,omitempty"`
	// Disk holds the applications; nil if none was run.
	Disk *Filesystem `json:"disk,omitempty"`

	Outcome Outcome `json:"outcome"`
	// Reason is the line that decided the outcome: the panic line, the last console line
	// before a hang, QEMU's own message.
	Reason string `json:"reason,omitempty"`
	// Notices are other remarkable lines: oopses, OOM kills, dropped events.
	Notices []string `json:"notices,omitempty"`
	// Task is the task that panicked, as "comm (pid n)", and Trace its call trace, innermost
	// function first. Only a panic has them.
	Task  string   `json:"task,omitempty"`
	Trace []string `json:"trace,omitempty"`
	// Said are the errors that the init under test, or a program that it started, wrote to
	// the console.
	Said []string `json:"said,omitempty"`
	// Tries are earlier attempts at this boot that stayed silent and were repeated.
	Tries []Try `json:"tries,omitempty"`

	Phases Phases `json:"phases"`
	// Hello is how the guest described itself; nil if it never got that far.
	Hello    *wire.Hello    `json:"hello,omitempty"`
	Findings []wire.Finding `json:"findings,omitempty"`
	// Own are the probes that the user declared. An expectation with the same ID is about
	// another probe.
	Own []string `json:"own,omitempty"`
	// Unanswered are the probes that got no answer although the boot completed.
	Unanswered []string `json:"unanswered,omitempty"`
	// Running is the probe that had not answered when the boot ended.
	Running string `json:"running,omitempty"`

	// ConsoleLog is the path of the console log, relative to the results file.
	ConsoleLog string `json:"console_log,omitempty"`

	// offset and length, in bytes, and the line number locate a record that is not decoded
	// yet (see File); they are 0 otherwise.
	offset       int64
	length, line int
}

// Ref returns the name of what was booted, with the series and the architecture.
func (r Record) Ref() ref.Ref {
	name := ref.Parse(r.Profile)
	name.Series, name.Arch = r.Series, r.Arch
	return name
}

// Variant returns the series and, unless it is x86_64, the architecture: 6.12, 6.12-arm64.
func (r Record) Variant() string { return ref.Variant(r.Series, r.Arch) }

// unnamed is the architecture whose records do not name it.
const unnamed = "x86_64"

// Called reports whether name is the record's profile, or that with the series or the
// architecture: full, full@6.1, full@arm64, full@6.1-arm64, full@x86_64.
func (r Record) Called(name string) bool {
	of := r.Ref()
	n := ref.Parse(name)
	if n.Series == "" {
		of.Series = ""
	}
	if n.Arch == unnamed {
		n.Arch = ""
	} else if n.Arch == "" && n.Series == "" {
		of.Arch = ""
	}
	return r.Profile == name || of.String() == n.String()
}

// Filesystem is a file system image: the initramfs, or the disk with the applications.
type Filesystem struct {
	Key   string `json:"key"`
	Bytes int64  `json:"bytes"`
	// Packages are its Debian packages: NAME_VERSION_ARCHITECTURE in an initramfs,
	// "NAME VERSION ARCHITECTURE" on a disk.
	Packages []string `json:"packages,omitempty"`
}

// Machine is the emulated machine.
type Machine struct {
	// QEMU is the version that QEMU prints.
	QEMU string `json:"qemu"`
	// Accel is "kvm" or "tcg", AccelReason why.
	Accel       string `json:"accel"`
	AccelReason string `json:"accel_reason"`
	MemoryMiB   int    `json:"memory_mib"`
	// Command repeats this boot when pasted into a shell.
	Command string `json:"command"`
}

// Try is an earlier attempt at the same boot.
type Try struct {
	Outcome Outcome `json:"outcome"`
	Seconds float64 `json:"seconds"`
}

// Phases are times in seconds after the start of QEMU, by the host's clock; a phase that was
// not reached is 0. FirstByte is the first console byte that is not from firmware. GuestStart is
// the guest's uptime in seconds when it sent its first event.
type Phases struct {
	FirstByte  float64 `json:"first_byte"`
	Banner     float64 `json:"banner"`
	Init       float64 `json:"init"`
	FirstEvent float64 `json:"first_event"`
	Done       float64 `json:"done"`
	Exit       float64 `json:"exit"`
	GuestStart float64 `json:"guest_start"`
}

// Asked reports whether the host selected the probe id for this boot, whatever the guest claims.
func (r Record) Asked(id string) bool {
	ok, err := wire.Asked(id, r.Probes, r.Init != "")
	return ok || err != nil // a bad list excludes nothing
}
