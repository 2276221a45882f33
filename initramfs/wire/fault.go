package wire

// Fault names what the test guest (initramfs/cmds/faulty) does wrong. It is part of no image
// that a kernel is measured with.
type Fault string

// The faults. Unless the guest runs as process 1, it first sends hello and FaultFindings findings,
// and begins a probe with the fault's name.
const (
	// ParamFault is the kernel command-line parameter that selects the fault, FaultFindings the
	// number of findings that the guest sends before it.
	ParamFault    = "netstrip.fault"
	FaultFindings = 3

	// FaultNone: the guest sends everything and reboots.
	FaultNone Fault = "none"
	// FaultPanic makes the kernel panic by using up the memory.
	FaultPanic Fault = "panic"
	// FaultSysrq asks the kernel to crash (sysrq_handle_crash in drivers/tty/sysrq.c).
	FaultSysrq Fault = "sysrq"
	// FaultMemory uses all memory.
	FaultMemory Fault = "memory"
	// FaultExit exits with status 0.
	FaultExit Fault = "exit"
	// FaultSignal dies of a signal that the kernel sends.
	FaultSignal Fault = "signal"
	// FaultCrash dies of a Go panic.
	FaultCrash Fault = "crash"
	// FaultHang waits for ever.
	FaultHang Fault = "hang"
	// FaultSpin uses all CPU time at real-time priority.
	FaultSpin Fault = "spin"
	// FaultReboot reboots without sending "done".
	FaultReboot Fault = "reboot"
	// FaultChatter runs for ever, and prints a byte on the console now and then.
	FaultChatter Fault = "chatter"
	// FaultConsole prints 1 GB on the console, in lines.
	FaultConsole Fault = "console"
	// FaultForge prints the panic line of a kernel and hangs.
	FaultForge Fault = "forge"
	// FaultMidLine makes the kernel panic in the middle of a line on the console.
	FaultMidLine Fault = "mid-line"
	// FaultFlood sends 1 GB of events.
	FaultFlood Fault = "flood"
	// FaultEndless sends one line of 1 GB.
	FaultEndless Fault = "endless"
	// FaultLong sends one event of 100 KiB, then ends well.
	FaultLong Fault = "long"
	// FaultJunk sends binary junk, then ends well.
	FaultJunk Fault = "junk"
	// FaultCut sends half an event and reboots.
	FaultCut Fault = "cut"
	// FaultLate sends events after "done" and reboots.
	FaultLate Fault = "late"
	// FaultHello sends hello a second time, without probes.
	FaultHello Fault = "hello"
	// FaultTwice sends a finding that contradicts one it has sent.
	FaultTwice Fault = "twice"
	// FaultRepeat sends a finding a second time, unchanged.
	FaultRepeat Fault = "repeat"
	// FaultLinger sends "done" and keeps running.
	FaultLinger Fault = "linger"
)
