//go:build linux

package appguest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// outcome is the result of one attempt. The zero value means that the sandbox reported
// nothing.
type outcome struct {
	// Works: the client got the expected answer after Seconds. Answer is its first line.
	Works   bool
	Answer  string
	Seconds float64
	// Fault says why the attempt could not be made, which says nothing about the kernel.
	Fault string
	// Started: every service was running when the attempt failed.
	Started bool
	// Late: the attempt timed out. Killed: a process was killed by something else.
	Late, Killed bool
	// How says how the attempt failed, Culprit is the PID of the command that failed, and
	// Said has the most telling line of that command and of each service, by PID.
	How     string
	Culprit int
	Said    map[int]string
}

// attempt is one attempt, inside the sandbox.
type attempt struct {
	began    time.Time
	services []*process
}

// readyPause is the least time between two readiness checks. deathPause is how long to wait
// after a client has failed, because the death of its server is noticed a little later.
const readyPause, deathPause = 100 * time.Millisecond, 500 * time.Millisecond

// readyShare is the pause between two readiness checks in multiples of the time that a
// check took. A check competes with the service for the processors of an emulated guest,
// under ptrace for a single one. With it Django fails on no-net after 40 s, with readyPause
// alone after 64 s (TCG, medians of five alternating runs of
// netstrip apps --app django --profile no-net).
const readyShare = 3

// run sets the application up, starts its services and queries them.
func (a *attempt) run(ctx context.Context, app wire.App) outcome {
	expect, err := regexp.Compile("(?m:" + app.Expect + ")")
	if err != nil {
		return outcome{Fault: err.Error()}
	}
	if o := a.begin(ctx, app); o != nil {
		return *o
	}
	var answer string
	o := a.step(ctx, app.Ask, func(said string) error {
		if !expect.MatchString(said) {
			return fmt.Errorf("answered %.200q, which does not match %q", said, app.Expect)
		}
		answer, _, _ = strings.Cut(said[expect.FindStringIndex(said)[0]:], "\n")
		answer = clip(answer)
		return nil
	})
	if o != nil {
		o.Started = o.Started && len(a.services) > 0
		return *o
	}
	return outcome{Works: true, Answer: answer, Seconds: time.Since(a.began).Seconds()}
}

// begin runs the set-up commands and starts the services. It returns nil when all are ready.
func (a *attempt) begin(ctx context.Context, app wire.App) *outcome {
	for _, c := range app.Setup {
		if o := a.step(ctx, c, nil); o != nil {
			o.Started = false
			return o
		}
	}
	for _, s := range app.Services {
		if o := a.serve(ctx, s); o != nil {
			return o
		}
	}
	return nil
}

// serve starts a service and waits until it is ready. It returns nil when it is.
func (a *attempt) serve(ctx context.Context, s wire.Service) *outcome {
	service, err := start(s.Command)
	if err != nil {
		return unstarted(err)
	}
	service.log = s.Log
	a.services = append(a.services, service)
	var refused *process // the last readiness check that failed
	for len(s.Ready.Argv) > 0 {
		began := time.Now()
		client, err := start(s.Ready)
		if err != nil {
			return unstarted(err)
		}
		dead := client.wait(ctx, a.services)
		switch {
		case dead != nil:
			return a.failed(dead, ended(dead))
		case ctx.Err() != nil:
			return a.late(ctx, cmp.Or(refused, client))
		case client.err == nil:
			return nil
		}
		refused = client
		select {
		case <-time.After(max(readyPause, readyShare*time.Since(began))):
		case <-service.ended:
		case <-ctx.Done():
			return a.late(ctx, refused)
		}
	}
	return nil
}

// step runs a command and waits until it ends. It returns nil if the command exits with 0
// and check accepts its standard output.
func (a *attempt) step(ctx context.Context, c wire.Command, check func(string) error) *outcome {
	if dead := a.dead(); dead != nil {
		return a.failed(dead, ended(dead))
	}
	client, err := start(c)
	if err != nil {
		return unstarted(err)
	}
	if dead := client.wait(ctx, a.services); dead != nil {
		return a.failed(dead, ended(dead))
	}
	how := ""
	switch {
	case ctx.Err() != nil:
		return a.late(ctx, client)
	case client.err != nil:
		how = ended(client)
	case check != nil:
		said, all := client.out.text()
		if err := check(said); err != nil && !all {
			return &outcome{Fault: fmt.Sprintf("the answer of %s was cut off at %d bytes: %v", client.name, maxAnswer, err)}
		} else if err != nil {
			how = err.Error()
		}
	}
	if how == "" {
		return nil
	}
	if check != nil && len(a.services) > 0 {
		time.Sleep(deathPause)
	}
	if dead := a.dead(); dead != nil {
		return a.failed(dead, ended(dead))
	}
	o := a.failed(client, how)
	o.Started = true
	return o
}

// late returns the outcome for a client that had no answer at the time limit.
func (a *attempt) late(ctx context.Context, client *process) *outcome {
	how := "had no answer at the time limit"
	if err := context.Cause(ctx); errors.Is(err, errStalled) {
		how = "had no answer: " + err.Error()
	}
	o := a.failed(client, how)
	o.Late, o.Started, o.Killed = true, true, false // the timeout killed it
	return o
}

// dead returns a service that has ended, or nil.
func (a *attempt) dead() *process {
	for _, s := range a.services {
		select {
		case <-s.ended:
			return s
		default:
		}
	}
	return nil
}

// failed returns the outcome for a command that failed.
func (a *attempt) failed(culprit *process, how string) *outcome {
	o := outcome{How: culprit.name + " " + how, Culprit: culprit.cmd.Process.Pid, Said: map[int]string{}}
	for _, s := range append(a.services, culprit) {
		o.Said[s.cmd.Process.Pid] = s.said()
	}
	if exit := new(exec.ExitError); errors.As(culprit.err, &exit) {
		status, ok := exit.Sys().(syscall.WaitStatus)
		o.Killed = ok && status.Signaled() && status.Signal() == syscall.SIGKILL
	}
	return &o
}

// ended describes how a process ended.
func ended(p *process) string {
	if p.err == nil {
		return "ended with exit status 0"
	}
	return "ended with " + p.err.Error()
}

// unstarted returns the outcome for a program that could not be started, which is not the
// kernel's fault.
func unstarted(err error) *outcome { return &outcome{Fault: err.Error()} }
