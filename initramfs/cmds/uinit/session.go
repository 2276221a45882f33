//go:build linux

package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/appguest"
	"github.com/netstrip/netstrip/initramfs/jobguest"
	"github.com/netstrip/netstrip/initramfs/kmod"
	"github.com/netstrip/netstrip/initramfs/session"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

// serve runs the host's program instead of the probes. The events only report that the guest has
// started and ended well. There is no time limit: the host has one.
func serve(cmdline string) error {
	if os.Getpid() == 1 && parameter(cmdline, wire.ParamLo) == "" {
		setUpLo()
	}
	if err := setLo(cmdline); err != nil {
		return err
	}
	if err := kmod.Coldplug(); err != nil {
		say("loading modules of devices: %v", err)
	}
	events, err := openEvents(cmdline)
	if err != nil {
		return err
	}
	var modules kmod.Watch
	events.send(wire.Event{Kind: wire.KindHello, Hello: hello(events.device, nil, &modules)})
	if err := converse(events); err != nil {
		return err
	}
	events.send(wire.Event{Kind: wire.KindBye})
	return events.close()
}

// converse opens the session's port, runs what the host asks for, and reports how it ended: to the
// session, and for a job also as a finding.
func converse(events *events) error {
	device, err := findPort(duplex.Port)
	if err != nil {
		return fmt.Errorf("opening the session: %w", err)
	}
	port, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("opening the session: %w", err)
	}
	mountTerminals()
	s, err := session.Accept(port)
	if err != nil {
		return err
	}
	if job := s.Request.Job; job != nil {
		events.send(wire.Event{Kind: wire.KindStart, Probe: job.ID})
		f, ending := jobguest.Run(s)
		events.send(wire.Event{Kind: wire.KindFinding, Finding: &f})
		return s.End(ending)
	}
	cmd, err := program(s.Request)
	if err != nil {
		return s.End(duplex.Ending{Fault: err.Error()})
	}
	return s.End(s.Run(cmd))
}

// mountTerminals mounts the file system of terminals, unless the init has done so. Whoever opens a
// terminal reports that it is missing.
func mountTerminals() {
	const at = "/dev/pts"
	if _, err := os.Stat(at + "/ptmx"); err == nil {
		return
	}
	_ = os.MkdirAll(at, 0o755)
	_ = unix.Mount("devpts", at, "devpts", 0, "newinstance,ptmxmode=666,mode=620,gid=5")
}

// program returns the command that a request asks for: the shell if it names none, in the sandbox
// of an application if it names one.
func program(r duplex.Request) (*exec.Cmd, error) {
	cmd := exec.Command("/bin/sh")
	if len(r.Argv) > 0 {
		cmd = exec.Command(r.Argv[0], r.Argv[1:]...)
	}
	if r.App != "" {
		if err := appguest.Mount(); err != nil {
			return nil, err
		}
		cmd = appguest.Visit(r.App, r.Argv)
	}
	cmd.Dir = cmp.Or(r.Dir, "/")
	for name, value := range r.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd, nil
}
