package wire

// Fault names what the test guest (initramfs/cmds/faulty) does wrong. It is part of no image
// that a kernel is measured with.
type Fault string

// The faults. Before each the guest says hello, sends FaultFindings findings and begins
// a probe that bears the fault's name, unless the guest runs as process 1.
const (
	// ParamFault is the kernel command-line parameter that says which fault the test guest
	// is to have, FaultFindings how many findings it sends before.
	ParamFault    = "netstrip.fault"
	FaultFindings = 3

	// FaultNone: nothing is wrong; the guest says all it has to say and reboots.
	FaultNone Fault = "none"
	// FaultPanic makes the kernel panic for want of memory.
	FaultPanic Fault = "panic"
	// FaultSysrq asks the kernel to crash (sysrq_handle_crash in drivers/tty/sysrq.c).
	FaultSysrq Fault = "sysrq"
	// FaultMemory takes all memory there is.
	FaultMemory Fault = "memory"
	// FaultExit exits with status 0.
	FaultExit Fault = "exit"
	// FaultSignal dies of a signal that the kernel sends.
	FaultSignal Fault = "signal"
	// FaultCrash dies of a Go panic.
	FaultCrash Fault = "crash"
	// FaultHang waits for ever.
	FaultHang Fault = "hang"
	// FaultSpin takes all CPU time at real-time priority.
	FaultSpin Fault = "spin"
	// FaultReboot reboots without having said that it is done.
	FaultReboot Fault = "reboot"
	// FaultChatter goes on for ever, with a byte on the console now and then.
	FaultChatter Fault = "chatter"
	// FaultConsole prints 1 GB on the console, in lines.
	FaultConsole Fault = "console"
	// FaultForge prints a kernel's panic line, after that it hangs.
	FaultForge Fault = "forge"
	// FaultMidLine has the kernel panic while a line on the console has no end yet.
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
	// FaultHello says hello a second time, and that no probe is to come.
	FaultHello Fault = "hello"
	// FaultTwice sends a finding that contradicts one it has sent.
	FaultTwice Fault = "twice"
	// FaultRepeat sends a finding once more, as it was.
	FaultRepeat Fault = "repeat"
	// FaultLinger sends "done" and stays.
	FaultLinger Fault = "linger"
)
