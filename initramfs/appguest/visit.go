//go:build linux

package appguest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// VisitArg as the first argument makes this program a sandbox for a person: it must exit with
// what Visited returns for the arguments that follow.
const VisitArg = "visit"

// Visit returns the command that starts an application's services, by the ID of one of its ways,
// in a new sandbox, and then runs a program in the same one: argv, or a shell.
func Visit(id string, argv []string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{VisitArg, id}, argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: unix.SIGKILL}
	return cmd
}

// Visited is the main function of such a sandbox. It returns the exit status of the program, which
// it runs even if the application does not start. What it has to say goes to standard error.
func Visited(args []string) int {
	// Keys of the terminal are for the program; this one only must not end.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGTTOU, unix.SIGHUP, unix.SIGTERM)
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "netstrip: "+format+"\n", args...) }
	if len(args) == 0 || os.Getpid() != 1 {
		say("a sandbox must be process 1 of its own namespace and takes the ID of a way")
		return 2
	}
	app, err := Find(args[0])
	if err == nil {
		err = enterWithProbe()
	}
	if err != nil {
		say("making the sandbox: %v", err)
		return 2
	}
	a := &attempt{began: time.Now()}
	switch o := a.visited(app); {
	case o == nil:
		say("%s: started in %.1f s", app.ID, time.Since(a.began).Seconds())
	case o.Fault != "":
		say("%s: %s", app.ID, o.Fault)
	default:
		say("%s: not started: %s", app.ID, o.How)
		if said := o.Said[o.Culprit]; said != "" {
			say("it said: %s", said)
		}
	}
	return visitor(args[1:], say)
}

// visited starts the application. It returns nil when it is ready.
func (a *attempt) visited(app wire.App) *outcome {
	if err := prepare(app); err != nil {
		return &outcome{Fault: err.Error()}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(app.Seconds)*time.Second)
	defer cancel()
	return a.begin(ctx, app)
}

// enterWithProbe enters the sandbox, in which this program is the command probe.
func enterWithProbe() error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	if err := enter(); err != nil {
		return err
	}
	to, err := os.OpenFile("/usr/local/bin/probe", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, self)
	return errors.Join(err, to.Close())
}

// visitor runs the person's program, in the process group of the terminal.
func visitor(argv []string, say func(string, ...any)) int {
	if len(argv) == 0 {
		argv = []string{"/bin/sh"}
		if _, err := os.Stat("/bin/bash"); err == nil {
			argv = []string{"/bin/bash", "--norc"} // the prompt is that of the environment
		}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return 128 + int(ws.Signal())
		}
		return exit.ExitCode()
	}
	if err != nil {
		say("%v", err)
		return 127
	}
	return 0
}
