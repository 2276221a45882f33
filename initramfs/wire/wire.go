// Package wire holds every type and every name that crosses the border between
// guest and host: the events, the findings and the names of the channels that
// carry them. It runs on both sides and imports the standard library only, so
// that neither side can pull the other in.
//
// Events travel as JSON, one per line, inside the envelope of
// github.com/hugelgupf/vmtest (guest.Emitter on one side, qemu/qevent on the
// other), over a virtio-serial port. A guest without such a port writes the same
// lines to its second serial port. Neither needs CONFIG_NET.
package wire

// Names both sides must agree on.
const (
	// Port is the name of the virtio-serial port that carries the events.
	Port = "netstrip.events"
	// FallbackTTY is where events go when the guest finds no port called Port.
	FallbackTTY = "/dev/ttyS1"
	// ParamProbes is the kernel command-line parameter that says which probes to run:
	// globs of IDs, separated by commas; all of them where it is not given. A list too long
	// for the command line stands in the initramfs instead, as ProbesFile.
	ParamProbes = "netstrip.probes"
	ProbesFile  = "/probes"
	// ParamInit is the kernel command-line parameter that names the init the kernel is to
	// start, where that is asked about (initramfs.Init).
	ParamInit = "netstrip.init"
	// StepsDir is where an init's start script puts what became of its steps: a file for
	// each, named for it, with the exit status and, on the next lines, what was said.
	StepsDir = "/run/netstrip"
	// ParamLo is the kernel command-line parameter that says how lo is to be found by the
	// probes, and LoDown its one value: down and without addresses, as it is born. Otherwise
	// it is as u-root's init leaves it, which sets it up.
	ParamLo = "netstrip.lo"
	LoDown  = "down"
	// PerfFamily is the family of the probes that measure; they are asked only by name.
	PerfFamily = "perf"
	// InitFamily is the family of the probes about an init; they are asked wherever an init is
	// asked about, whichever probes were chosen.
	InitFamily = "init"
	// Version is the version of this protocol; Hello carries it.
	Version = 1
)

// Limits the host enforces on what a guest sends. A guest that keeps to its
// probes stays far below all of them.
const (
	// MaxLine is the longest event line in bytes; vmtest's reader stops for good
	// at a line over 64 KiB (bufio.MaxScanTokenSize).
	MaxLine = 60 << 10
	// MaxEvents is the greatest number of events in one boot.
	MaxEvents = 10_000
	// MaxBytes is the greatest number of event bytes in one boot.
	MaxBytes = 16 << 20
)

// Verdict is a probe's answer. The zero value means that there is none.
type Verdict string

// The three answers, as in the feature probes of cilium/ebpf.
const (
	// Works: the thing asked about is there and did what it should.
	Works Verdict = "works"
	// Absent: it is conclusively not there; the errno says so.
	Absent Verdict = "absent"
	// Inconclusive: anything else. Never counted as one of the other two.
	Inconclusive Verdict = "inconclusive"
)

// Finding is what one probe found.
type Finding struct {
	// ID names the probe, as Probe's does.
	ID string `json:"id"`
	// Verdict is the answer.
	Verdict Verdict `json:"verdict"`
	// Errno is the symbolic name (ENOSYS) of the error number that decided; empty
	// when no error did.
	Errno string `json:"errno,omitempty"`
	// Call is the system call or the file that decided, written as in a manual
	// page: "socket(AF_INET, SOCK_STREAM)", "/proc/self/ns/net".
	Call string `json:"call,omitempty"`
	// Value is what was observed where works and absent do not say all: the same
	// on every boot of one kernel, and held to by the expectation.
	Value string `json:"value,omitempty"`
	// Detail is for people: what happened, in plain words.
	Detail string `json:"detail,omitempty"`
	// Micros is how long the probe took, in microseconds of guest time.
	Micros int64 `json:"us"`
	// Numbers are measurements, which may differ from boot to boot.
	Numbers map[string]float64 `json:"numbers,omitempty"`
}

// Kind says which field of an Event is filled.
type Kind string

// The kinds of events, in the order a good boot sends them.
const (
	// KindHello: the guest's program has started; Hello is set.
	KindHello Kind = "hello"
	// KindStart: the probe named in Probe begins.
	KindStart Kind = "start"
	// KindFinding: a probe has ended; Finding is set.
	KindFinding Kind = "finding"
	// KindBye: every probe has ended; vmtest's own "done" follows.
	KindBye Kind = "bye"
)

// Event is one message from guest to host.
type Event struct {
	Kind Kind `json:"kind"`
	// Uptime is the guest's CLOCK_BOOTTIME at the time of sending, in seconds.
	Uptime float64 `json:"uptime"`
	// Hello is set for KindHello.
	Hello *Hello `json:"hello,omitempty"`
	// Probe is set for KindStart.
	Probe string `json:"probe,omitempty"`
	// Finding is set for KindFinding.
	Finding *Finding `json:"finding,omitempty"`
}

// Hello is what the guest says of itself before its first probe.
type Hello struct {
	// Version is the protocol version the guest was built with.
	Version int `json:"version"`
	// Release is uname(2)'s release, for example 6.12.117.
	Release string `json:"release"`
	// Channel is the device the events go through.
	Channel string `json:"channel"`
	// Probes are the IDs of all probes to come, in order.
	Probes []string `json:"probes"`
	// MemTotalKB and MemAvailableKB are from /proc/meminfo, in KiB.
	MemTotalKB     int64 `json:"mem_total_kb"`
	MemAvailableKB int64 `json:"mem_available_kb"`
}
