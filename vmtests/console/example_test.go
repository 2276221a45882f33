package console_test

import (
	"fmt"

	"github.com/netstrip/netstrip/vmtests/console"
)

// Read the console log of any kernel and say how the boot went.
func ExampleRead() {
	log := console.Read([]byte(`[    0.000000] Linux version 6.12.117 (gcc 12.2.0) #1
[    0.671223] Run /init as init process
[    0.702144] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100
[    0.702500] CPU: 0 UID: 0 PID: 1 Comm: init Not tainted 6.12.117 #1
[    0.703100] Call Trace:
[    0.703200]  panic+0x2ff/0x310
[    0.703300]  do_exit+0x8d1/0xa60
`))
	verdict, reason := console.Judge(log)
	fmt.Println(verdict)
	fmt.Println(reason)
	fmt.Println(log.Trace)
	// Output:
	// init-failed
	// Attempted to kill init! exitcode=0x00000100 (exit status 1); task init (pid 1)
	// [panic+0x2ff/0x310 do_exit+0x8d1/0xa60]
}

// Classify also takes into account what the host observed.
func ExampleClassify() {
	log := console.Read([]byte("[    0.000000] Linux version 6.12.117 (gcc 12.2.0) #1\n"))
	outcome, reason := console.Classify(log, console.Facts{Signal: "SIGKILL"})
	fmt.Println(outcome)
	fmt.Println(reason)
	// Output:
	// qemu-failed
	// QEMU was killed by SIGKILL, which netstrip did not send
}
