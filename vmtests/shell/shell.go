// Package shell boots a kernel and opens a shell in the guest for a person, or for a script. It runs on
// the host.
//
// The shell is busybox's in the initramfs, or the one on the disk of the applications if one of them
// is started first. On a terminal it is interactive; otherwise it reads a script from standard
// input. The terminal is restored however the guest, QEMU or netstrip ends, even by SIGKILL.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/netstrip/netstrip/initramfs/wire/duplex"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/session"
)

// Shell is a shell to open, made by Options.Prepare.
type Shell struct {
	// Runner boots the kernel of Profile.
	Runner  *run.Runner
	Profile kconfigs.Profile
	Kernel  *kbuild.Kernel
	// App is the ID of a way of using an application that is started first; empty means none.
	App string
	// Stdin is a terminal or a script. Stdout and Stderr receive the output; on a terminal, all of
	// it goes to Stdout, and Stderr receives what netstrip says.
	Stdin          *os.File
	Stdout, Stderr io.Writer
	// Begin, if set, is called when the guest is ready.
	Begin func()
}

// FailedError is the error of a guest that ended before its shell, other than by an infrastructure
// failure: it says how, and where the console log is.
type FailedError struct{ error }

// errLeft is the cause of a boot that the person has left.
var errLeft = errors.New("left")

// Open boots the kernel, runs the shell, and returns its exit code, which is 0 if the person leaves
// by the escape.
func (s *Shell) Open(ctx context.Context) (code int, err error) {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	t, err := openTerminal(ctx, s.Stdin, func() { leave(errLeft) })
	if err != nil {
		return 0, err
	}
	defer func() { t.close() }()
	var ending duplex.Ending
	ended := session.ErrEnded
	visit, err := s.Runner.Visit(ctx, s.Profile, s.Kernel, func(port io.ReadWriter) {
		ending, ended = s.session(t).Run(ctx, port)
	})
	if raw := t.close(); raw && (err != nil || ended != nil) {
		fmt.Fprintln(s.Stderr) // the last line on the terminal is the guest's
	}
	switch {
	case errors.Is(context.Cause(ctx), errLeft):
		return 0, nil
	case err != nil:
		return 0, err
	case errors.Is(ended, session.ErrEnded):
		return 0, fmt.Errorf("the guest ended before its shell: %w", failed(visit.Result, visit.Log))
	case ended != nil:
		return 0, FailedError{ended}
	case ending.Fault != "":
		return 0, fmt.Errorf("starting the shell: %s", report.Escape(ending.Fault, 500))
	}
	if visit.Outcome != record.Completed {
		fmt.Fprintf(s.Stderr, "netstrip: after its shell the guest ended badly: %v\n", failed(visit.Result, visit.Log))
	}
	return ending.Code(), nil
}

// session describes the session on a terminal, or without one.
func (s *Shell) session(t *terminal) session.Session {
	o := session.Session{Stdin: t, Stdout: s.Stdout, Stderr: s.Stderr, Sizes: t.sizes}
	o.Request.App = s.App
	o.Request.Terminal = t.size()
	o.Request.Env = map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
		"PS1": plain.ReplaceAllString(s.Profile.Name, "") + `:\w\$ `,
	}
	if term := os.Getenv("TERM"); term != "" && o.Request.Terminal != nil {
		o.Request.Env["TERM"] = term
	}
	o.Begun = func() {
		if s.Begin != nil {
			s.Begin()
		}
		if o.Request.Terminal != nil {
			fmt.Fprintln(s.Stderr, greeting)
		}
		t.begin()
	}
	return o
}

// plain is what a prompt would take for more than text.
var plain = regexp.MustCompile(`[^A-Za-z0-9@/._+-]`)

// greeting is the line before the first prompt.
const greeting = "netstrip: exit or Enter ~ . ends the guest; probe --list lists the probes"

// failed is the error of a boot that ended in another way than it should.
func failed(res guest.Result, log string) error {
	text := string(res.Outcome)
	if res.Reason != "" {
		text += ": " + report.Escape(res.Reason, 500)
	}
	if log != "" {
		text += "\nconsole: " + log
	}
	if res.Outcome.RigFault() {
		return errors.New(text)
	}
	return FailedError{errors.New(text)}
}
