// Package record holds what is known about one boot, and keeps it: one JSON
// object per line in a results file that is only ever appended to, beside the plan of
// every run, by which one that was cut short is known and resumed. It runs on the host.
// Everything that comes after a boot (tables, comparison, expectations) works from
// records alone.
package record

import (
	"fmt"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/program"
)

// Schema is the version of the record format written by this package.
const Schema = 1

// Outcome is how a boot ended. The zero value means that there is no verdict, so
// that a run cut short can never look like one that passed.
type Outcome string

// The outcomes of a kernel, and then the rig's own faults, none of which is a verdict on a
// kernel.
const (
	// Completed: the guest's last event, "done", arrived.
	Completed Outcome = "completed"
	// Panicked: the kernel printed a panic.
	Panicked Outcome = "panicked"
	// InitFailed: no init could be started, or init died.
	InitFailed Outcome = "init-failed"
	// Hung: neither console nor event channel moved for the stuck limit.
	Hung Outcome = "hung"
	// Reset: the machine started over (a second banner, a triple fault).
	Reset Outcome = "reset"
	// Silent: not one byte on the console.
	Silent Outcome = "silent"
	// TimedOut: it kept moving, but not to an end within the time limit.
	TimedOut Outcome = "timed-out"

	// BuildFailed: the kernel could not be built.
	BuildFailed Outcome = "build-failed"
	// ImageFailed: the initramfs could not be built, kernel or initramfs could not be read
	// or are damaged, or the machine has too little memory for both.
	ImageFailed Outcome = "image-failed"
	// QEMUFailed: QEMU could not be started, was killed, or gave an error.
	QEMUFailed Outcome = "qemu-failed"
)

// RigFault reports whether o is a fault of the rig and no verdict on a kernel.
func (o Outcome) RigFault() bool {
	return o == BuildFailed || o == ImageFailed || o == QEMUFailed
}

// Record is everything known about one boot.
type Record struct {
	Schema int `json:"schema"`
	// ID names the record: run/profile, unique within a results file unless a
	// profile was booted several times in one run, which adds /2, /3, ...
	ID string `json:"id"`
	// Run names the invocation all of whose boots share it; it sorts by time.
	Run string `json:"run"`
	// Time is when QEMU was started.
	Time time.Time `json:"time"`
	// Profile is the name of the profile and, where Init is set, of that after a slash
	// (full/busybox); Series is the kernel series (6.12).
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Init is what the kernel was booted into to see how far it comes, such as busybox;
	// empty means u-root's init, of which nothing was asked.
	Init string `json:"init,omitempty"`

	// Probes are the patterns by which the probes asked were chosen; empty means all but
	// those that are asked by name alone.
	Probes string `json:"probes,omitempty"`

	// Netstrip is the program that made the record; nil where an older one did.
	Netstrip *program.Program `json:"netstrip,omitempty"`

	Kernel    Kernel     `json:"kernel"`
	Initramfs Filesystem `json:"initramfs"`
	Machine   Machine    `json:"machine"`
	// Disk is what applications stood on; nil where none was asked.
	Disk *Filesystem `json:"disk,omitempty"`

	Outcome Outcome `json:"outcome"`
	// Reason says in one line what decided the outcome: the panic line, the last
	// console line before a hang, QEMU's own message.
	Reason string `json:"reason,omitempty"`
	// Notices are other things worth knowing: oopses, OOM kills, dropped events.
	Notices []string `json:"notices,omitempty"`
	// Task is the task that panicked, as "comm (pid n)", and Trace what was called, the
	// innermost function first. Only a panic has them.
	Task  string   `json:"task,omitempty"`
	Trace []string `json:"trace,omitempty"`
	// Said are the lines of the console by which an init that is asked about, or what it
	// started, complained.
	Said []string `json:"said,omitempty"`
	// Tries are earlier tries of this boot that stayed silent and were repeated.
	Tries []Try `json:"tries,omitempty"`

	Phases Phases `json:"phases"`
	// Hello is what the guest said of itself; nil when it never got that far.
	Hello    *wire.Hello    `json:"hello,omitempty"`
	Findings []wire.Finding `json:"findings,omitempty"`
	// Own are the probes, among those asked, that the user declared. Whatever is expected
	// under their IDs is expected of others.
	Own []string `json:"own,omitempty"`
	// Unanswered are the probes that the host asked and that a guest which completed its
	// boot did not answer.
	Unanswered []string `json:"unanswered,omitempty"`
	// Running is the probe that was running when the boot ended.
	Running string `json:"running,omitempty"`

	// ConsoleLog is the path of the console log, relative to the results file.
	ConsoleLog string `json:"console_log,omitempty"`

	// offset, length and line say where the line stands of a record that is not decoded
	// (File), in bytes and by its number; they are 0 of any other.
	offset       int64
	length, line int
}

// Ref returns the name of what was booted, with the series.
func (r Record) Ref() ref.Ref {
	name := ref.Parse(r.Profile)
	name.Series = r.Series
	return name
}

// Called reports whether name is that of the record's profile, or of it on the record's
// series, as full@6.1.
func (r Record) Called(name string) bool { return r.Profile == name || r.Ref().String() == name }

// Kernel is the kernel that was booted.
type Kernel struct {
	// Key addresses the kernel in the cache: a hash of final config, source and
	// compiler.
	Key string `json:"key"`
	// Version is the kernel release, for example 6.12.117.
	Version string `json:"version"`
	// Source says where the source came from, Compiler what built it.
	Source   string `json:"source"`
	Compiler string `json:"compiler"`
	// ConfigSHA256 is the hash of the final .config.
	ConfigSHA256 string `json:"config_sha256"`
	// ImageBytes is the size of the bzImage; Text, Data and BSS are those of
	// vmlinux as size(1) gives them. All in bytes.
	ImageBytes int64 `json:"image_bytes"`
	Text       int64 `json:"text"`
	Data       int64 `json:"data"`
	BSS        int64 `json:"bss"`
}

// Filesystem is a file system that was made for the boot: the initramfs, or the disk that
// applications stand on.
type Filesystem struct {
	Key   string `json:"key"`
	Bytes int64  `json:"bytes"`
	// Packages are the Debian packages in it, as NAME_VERSION_ARCHITECTURE in an initramfs
	// and as "NAME VERSION ARCHITECTURE" on a disk.
	Packages []string `json:"packages,omitempty"`
}

// Machine is the machine that QEMU emulated, and how.
type Machine struct {
	// QEMU is the version QEMU gives of itself.
	QEMU string `json:"qemu"`
	// Accel is "kvm" or "tcg", AccelReason why.
	Accel       string `json:"accel"`
	AccelReason string `json:"accel_reason"`
	MemoryMiB   int    `json:"memory_mib"`
	// Command repeats this boot by hand: a line to paste into a shell.
	Command string `json:"command"`
}

// Try is an earlier try of the same boot.
type Try struct {
	Outcome Outcome `json:"outcome"`
	Seconds float64 `json:"seconds"`
}

// Phases are times in seconds since QEMU was started, on the host's clock; a phase
// that was never reached is 0. GuestStart is the guest's own uptime, in seconds,
// when its first event was sent.
type Phases struct {
	FirstByte  float64 `json:"first_byte"`
	Banner     float64 `json:"banner"`
	Init       float64 `json:"init"`
	FirstEvent float64 `json:"first_event"`
	Done       float64 `json:"done"`
	Exit       float64 `json:"exit"`
	GuestStart float64 `json:"guest_start"`
}

// Series is the kernel series: 6.12 of 6.12.117.
func (k Kernel) Series() string {
	major, minor := 0, 0
	if _, err := fmt.Sscanf(k.Version, "%d.%d", &major, &minor); err != nil {
		return k.Version
	}
	return fmt.Sprintf("%d.%d", major, minor)
}

// Asked reports whether the host asked for the probe id in this boot. What the guest says of
// that counts for nothing.
func (r Record) Asked(id string) bool {
	ok, err := wire.Asked(id, r.Probes, r.Init != "")
	return ok || err != nil // a list that means nothing asks for no less
}
