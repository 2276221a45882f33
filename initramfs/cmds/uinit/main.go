//go:build linux

// Command uinit is netstrip's program in the guest. An init starts it (u-root's as its uinit), or
// the kernel itself; then it also does the little that an init must. It runs in the guest, as
// root; its tests also run on the host.
//
// It opens the event channel and sends hello, runs the probes or the applications in child
// processes (itself with the argument "run"), sends their findings and bye, and reboots, which
// ends QEMU under -no-reboot. It never powers off: without ACPI that halts the CPU, and QEMU
// goes on. Whatever fails on the way, it reboots.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/appguest"
	"github.com/netstrip/netstrip/initramfs/jobguest"
	"github.com/netstrip/netstrip/initramfs/kmod"
	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/all"
	"github.com/netstrip/netstrip/initramfs/probes/pid1"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

// grace is what a boot may take beyond all of its probes' deadlines together.
const grace = 30 * time.Second

func main() {
	args := os.Args[1:]
	switch {
	case kmod.IsModprobe(os.Args):
		exit(strings.Join(os.Args, " "), kmod.Modprobe(args))
	case isProbe(os.Args):
		os.Exit(probe(os.Stdout, args))
	case len(args) > 0 && args[0] == childArg:
		exit("child", runChild(os.NewFile(childFD, "findings"), args[1:]))
	case len(args) > 0 && args[0] == appguest.SandboxArg:
		exit("sandbox", appguest.Sandboxed(args[1:]))
	case len(args) > 0 && args[0] == appguest.VisitArg:
		os.Exit(appguest.Visited(args[1:]))
	case len(args) > 0 && args[0] == jobguest.SandboxArg:
		exit("sandbox", jobguest.Sandboxed())
	case os.Getpid() != 1 && os.Getppid() != 1:
		// A reboot would be bad for someone who starts this on a host by mistake.
		say("started by process %d, not by init: nothing done", os.Getppid())
		os.Exit(2)
	}
	defer reboot()
	if os.Getpid() == 1 {
		mountAll()
	}
	defer func() {
		if p := recover(); p != nil {
			say("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if err := boot(); err != nil {
		say("%v", err)
	}
}

// exit ends a process that boots nothing.
func exit(what string, err error) {
	if err != nil {
		say("%s: %v", what, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// say prints a line on the console.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "netstrip: "+format+"\n", args...)
}

// boot runs the probes and reports on them, from hello to the end of the channel.
func boot() error {
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return fmt.Errorf("reading the kernel command line: %w", err)
	}
	if parameter(string(cmdline), duplex.Param) == duplex.On {
		return serve(string(cmdline))
	}
	chosen, asked := choose(string(cmdline))
	asked = cmp.Or(asked, setLo(string(cmdline)))
	own := tasks(ofInit(string(cmdline)))
	chosen = append(own, chosen...)
	watchdog := time.AfterFunc(allowance(chosen), func() {
		say("out of time")
		reboot()
	})
	defer watchdog.Stop()
	if err := kmod.Coldplug(); err != nil {
		say("loading modules of devices: %v", err) // the probes that need one will report it
	}
	events, err := openEvents(string(cmdline))
	if err != nil {
		return err
	}
	var modules kmod.Watch
	events.send(wire.Event{Kind: wire.KindHello, Hello: hello(events.device, chosen, &modules)})
	if asked != nil {
		return asked
	}
	say("%d probes, events go to %s", len(chosen), events.device)
	s := supervisor{
		command: probeCommand,
		start:   func(id string) { events.send(wire.Event{Kind: wire.KindStart, Probe: id}) },
		found: func(f wire.Finding) {
			f.Modules = modules.News()
			if f.Verdict == wire.Inconclusive {
				say("%s: inconclusive: %s", f.ID, f.Detail)
			}
			events.send(wire.Event{Kind: wire.KindFinding, Finding: &f})
		},
	}
	ask := func(chosen []task) {
		for len(chosen) > 0 && events.err == nil {
			n := 1
			for n < len(chosen) && chosen[n].family == chosen[0].family {
				n++
			}
			s.run(chosen[:n])
			chosen = chosen[n:]
		}
	}
	ask(own)
	if os.Getpid() == 1 && parameter(string(cmdline), wire.ParamLo) == "" {
		setUpLo() // the other inits have done so by now
	}
	ask(chosen[len(own):])
	events.send(wire.Event{Kind: wire.KindBye})
	return events.close()
}

// ofInit returns the probes about init. Nothing may be set up before they are asked.
func ofInit(cmdline string) []probes.Probe {
	return pid1.Probes(parameter(cmdline, wire.ParamInit), wire.StepsDir)
}

// mountAll mounts what the probes and the event channel read, and nothing else.
func mountAll() {
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			say("mounting %s: %v", m.at, err)
		}
	}
}

// choose returns what to ask: the applications if the initramfs has a table of them, each in a
// process of its own, else the probes; of both only those that the host named.
func choose(cmdline string) ([]task, error) {
	patterns, err := asked(cmdline, wire.ProbesFile)
	if err != nil {
		return nil, err
	}
	apps, err := appguest.Load()
	if err == nil && apps != nil {
		err = appguest.Mount()
	}
	if err != nil || apps != nil {
		var chosen []task
		for _, a := range apps {
			ok, merr := wire.Asked(a.ID, patterns, false)
			if err = cmp.Or(err, merr); ok {
				chosen = append(chosen, task{id: a.ID, family: a.ID, limit: a.Limit()})
			}
		}
		return chosen, err
	}
	chosen, err := all.Select(patterns)
	return tasks(chosen), err
}

// asked returns the host's patterns of probes: from the file if there is one, else from the kernel
// command line.
func asked(cmdline, file string) (string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return parameter(cmdline, wire.ParamProbes), nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the list of probes: %w", err)
	}
	return string(text), nil
}

// tasks returns the supervisor's tasks for the probes.
func tasks(chosen []probes.Probe) []task {
	var all []task
	for _, p := range chosen {
		all = append(all, task{id: p.ID, family: p.Family(), limit: p.Deadline()})
	}
	return all
}

// allowance returns how long the whole boot may take.
func allowance(chosen []task) time.Duration {
	total := grace
	for _, t := range chosen {
		total += t.limit
	}
	return total
}

// probeCommand returns this program with the arguments to run the probes ids in another process.
func probeCommand(ids []string) *exec.Cmd {
	return exec.Command("/proc/self/exe", append([]string{childArg}, ids...)...)
}

// runChild runs the probes ids and writes their findings, one JSON object per line.
func runChild(out *os.File, ids []string) error {
	byID := map[string]probes.Probe{}
	cmdline, _ := os.ReadFile("/proc/cmdline") // reported before, if it is missing
	for _, p := range append(ofInit(string(cmdline)), all.Probes()...) {
		byID[p.ID] = p
	}
	for _, id := range ids {
		var f wire.Finding
		if p, ok := byID[id]; ok {
			ctx, cancel := context.WithTimeout(context.Background(), p.Deadline())
			f = p.Run(ctx)
			cancel()
		} else if app, err := appguest.Find(id); err == nil {
			f = appguest.Run(app)
		} else {
			return fmt.Errorf("there is no probe %q: %w", id, err)
		}
		if err := writeLine(out, f); err != nil {
			return fmt.Errorf("writing the finding of %s: %w", id, err)
		}
	}
	return nil
}

// reboot ends the boot. It returns only if it is not permitted.
func reboot() {
	unix.Sync()
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	say("rebooting: %v", err)
}
