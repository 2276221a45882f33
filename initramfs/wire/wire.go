// Package wire contains what guest and host share: the events, the findings, the names of the
// channels that carry them, and the catalogue of probes. It runs in both. It imports only the
// standard library, so neither side depends on the other.
//
// Events are sent as JSON, one per line, inside the envelope of the guest package of
// github.com/hugelgupf/vmtest, over a virtio-serial port. A guest without such a port writes the same
// lines to its second serial port. Neither needs CONFIG_NET.
package wire

import "time"

// Names that both sides use, and limits.
const (
	// Port is the name of the virtio-serial port that carries the events.
	Port = "netstrip.events"
	// FallbackTTY is where events go if the guest finds no port called Port, unless the kernel
	// command-line parameter ParamFallback names another device.
	FallbackTTY   = "/dev/ttyS1"
	ParamFallback = "netstrip.fallback"
	// ParamProbes is the kernel command-line parameter that chooses the probes to run: globs of
	// IDs, separated by commas (see Asked). A list too long for the command line is in the
	// initramfs instead, as ProbesFile.
	ParamProbes = "netstrip.probes"
	ProbesFile  = "/probes"
	// ParamInit is the kernel command-line parameter with the name of the init that the kernel
	// starts, if the probes ask about it (initramfs.Init).
	ParamInit = "netstrip.init"
	// StepsDir is where an init's start script records its steps: a file for each step, with its
	// name, that contains the exit status and, on the next lines, the output.
	StepsDir = "/run/netstrip"
	// ParamLo is the kernel command-line parameter for the state in which the probes find lo, and
	// LoDown its only value: down and without addresses, like a new lo. Without it lo is up, as
	// u-root's init leaves it.
	ParamLo = "netstrip.lo"
	LoDown  = "down"
	// PerfFamily is the family of the probes that measure; they are asked only by name.
	PerfFamily = "perf"
	// InitFamily is the family of the probes about an init. Every boot about an init asks them,
	// whatever probes were chosen.
	InitFamily = "init"
	// AppFamily is the family of the probes that are applications.
	AppFamily = "app"
	// AppDisk is the block device with the squashfs image that the applications are
	// started from.
	AppDisk = "/dev/vda"
	// AppTable is the file in the initramfs with the list of App, as JSON.
	AppTable = "/apps.json"
	// AppSlower is how many times longer a way may take under ptrace, AppSlack what each attempt
	// needs in addition.
	AppSlower = 4
	AppSlack  = 20 * time.Second
	// AppSaid precedes, in a finding's detail, the line in which the application itself reports
	// the error.
	AppSaid = "; it said: "
	// JobFamily is the family of the only probe of a boot that runs a user's program: exec/NAME.
	JobFamily = "exec"
	// Version is the version of this protocol; Hello carries it.
	Version = 1

	// Limits that the host enforces on what a guest sends. A guest that only runs its probes stays far
	// below all of them.
	// MaxLine is the longest event line in bytes.
	MaxLine = 60 << 10
	// MaxEvents is the greatest number of events in one boot.
	MaxEvents = 10_000
	// MaxBytes is the greatest number of event bytes in one boot.
	MaxBytes = 16 << 20
)

// Verdict is a probe's answer. The zero value means none.
type Verdict string

// The three answers, as in the feature probes of cilium/ebpf.
const (
	// Works: the feature exists and did what it should.
	Works Verdict = "works"
	// Absent: the feature is not in the kernel, which the errno proves.
	Absent Verdict = "absent"
	// Inconclusive: anything else. It never counts as one of the other two.
	Inconclusive Verdict = "inconclusive"
)

// Finding is the result of one probe.
type Finding struct {
	// ID names the probe, as Probe's does.
	ID string `json:"id"`
	// Verdict is the answer.
	Verdict Verdict `json:"verdict"`
	// Errno is the symbolic name (ENOSYS) of the error number that decided, empty if none did.
	Errno string `json:"errno,omitempty"`
	// Call is the system call or the file that decided, written as in a manual page:
	// "socket(AF_INET, SOCK_STREAM)", "/proc/self/ns/net".
	Call string `json:"call,omitempty"`
	// Value is what was observed, if there is more to say than works or absent. It is the same on
	// every boot of one kernel, and part of the expectation.
	Value string `json:"value,omitempty"`
	// Detail says what happened, for people.
	Detail string `json:"detail,omitempty"`
	// Micros is how long the probe took, in microseconds of guest time.
	Micros int64 `json:"us"`
	// Numbers are measurements, which may differ from boot to boot.
	Numbers map[string]float64 `json:"numbers,omitempty"`
	// Exit is how a user's program ended; nil for other probes.
	Exit *Exit `json:"exit,omitempty"`
	// Modules has the names of the kernel modules that were loaded, or failed to load, while the
	// probe ran. The value is why a module was not loaded, and empty if it was.
	Modules map[string]string `json:"modules,omitempty"`
	// Symbols are the symbols that the probe needs, on a kernel with modules. The host sets them.
	Symbols []Symbol `json:"symbols,omitempty"`
}

// Symbol is the state of a Kconfig symbol in a guest.
type Symbol struct {
	Name string `json:"name"`
	// Value is y, m or n; empty if it is unknown, and may be m.
	Value string `json:"value,omitempty"`
	// Module is the name of its module, unless it is y or n; Why says why that was not loaded.
	Module string `json:"module,omitempty"`
	Loaded bool   `json:"loaded,omitempty"`
	Why    string `json:"why,omitempty"`
}

// String returns the symbol and its state for people.
func (s Symbol) String() string {
	switch {
	case s.Value == "y":
		return s.Name + " is on"
	case s.Value == "n":
		return s.Name + " is off"
	case s.Value == "":
		return s.Name + " may be m (module " + s.Module + "): " + s.Why
	case s.Loaded:
		return s.Name + " is m: module " + s.Module + ", loaded"
	}
	return s.Name + " is m: module " + s.Module + ", not loaded: " + s.Why
}

// Kind is the kind of an Event. It determines which field is set.
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

// Hello is what the guest reports about itself before its first probe.
type Hello struct {
	// Version is the protocol version the guest was built with.
	Version int `json:"version"`
	// Release is uname(2)'s release, for example 6.12.117.
	Release string `json:"release"`
	// Channel is the device the events go through.
	Channel string `json:"channel"`
	// Probes are the IDs of all probes that it will run, in order.
	Probes []string `json:"probes"`
	// LoadsModules is set if the kernel can load modules. Modules are those that were loaded, or that
	// failed to load, before the first probe, as in Finding.
	LoadsModules bool              `json:"loads_modules,omitempty"`
	Modules      map[string]string `json:"modules,omitempty"`
	// MemTotalKB and MemAvailableKB are from /proc/meminfo, in KiB.
	MemTotalKB     int64 `json:"mem_total_kb"`
	MemAvailableKB int64 `json:"mem_available_kb"`
}
