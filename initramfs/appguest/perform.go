//go:build linux && amd64

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

// outcome is what became of one attempt. The zero value is that the stage never said.
type outcome struct {
	// Works: the client got the right answer, which Answer begins with, after Seconds.
	Works   bool
	Answer  string
	Seconds float64
	// Fault is what kept the attempt from taking place; it is no matter of the kernel.
	Fault string
	// Started: every service was alive when it failed.
	Started bool
	// Late: it failed because time was out. Killed: because something else killed it.
	Late, Killed bool
	// How it failed; the process of the command that did, and what that one and the
	// services said.
	How     string
	Culprit int
	Said    map[int]string
}

// performance is one attempt on the stage.
type performance struct {
	began    time.Time
	services []*process
}

// Pauses: the least between two times that a service is asked whether it is ready, and
// before a client's failure counts, for its server to be seen to have died.
const readyPause, deathPause = 100 * time.Millisecond, 500 * time.Millisecond

// readyShare is how many times longer a service is left alone than asking it took: what the
// client takes of an emulated guest's processors, under ptrace of its only one, the service
// does not get. Django on no-net is done in 40 s so, and in 64 with readyPause alone (TCG,
// medians of five runs in turn of netstrip apps --app django --profile no-net).
const readyShare = 3

// run sets up, starts, and asks.
func (p *performance) run(ctx context.Context, app wire.App) outcome {
	expect, err := regexp.Compile("(?m:" + app.Expect + ")")
	if err != nil {
		return outcome{Fault: err.Error()}
	}
	for _, c := range app.Setup {
		if o := p.step(ctx, c, nil); o != nil {
			o.Started = false
			return *o
		}
	}
	for _, s := range app.Services {
		if o := p.serve(ctx, s); o != nil {
			return *o
		}
	}
	var answer string
	o := p.step(ctx, app.Ask, func(said string) error {
		if !expect.MatchString(said) {
			return fmt.Errorf("answered %.200q, which does not match %q", said, app.Expect)
		}
		answer, _, _ = strings.Cut(said[expect.FindStringIndex(said)[0]:], "\n")
		answer = clip(answer)
		return nil
	})
	if o != nil {
		o.Started = o.Started && len(p.services) > 0
		return *o
	}
	return outcome{Works: true, Answer: answer, Seconds: time.Since(p.began).Seconds()}
}

// serve starts a service and waits until it is ready; nil says that it is.
func (p *performance) serve(ctx context.Context, s wire.Service) *outcome {
	service, err := start(s.Command)
	if err != nil {
		return unstarted(err)
	}
	service.log = s.Log
	p.services = append(p.services, service)
	var refused *process // the last that asked in vain
	for len(s.Ready.Argv) > 0 {
		began := time.Now()
		client, err := start(s.Ready)
		if err != nil {
			return unstarted(err)
		}
		dead := client.wait(ctx, p.services)
		switch {
		case dead != nil:
			return p.failed(dead, ended(dead))
		case ctx.Err() != nil:
			return p.late(ctx, cmp.Or(refused, client))
		case client.err == nil:
			return nil
		}
		refused = client
		select {
		case <-time.After(max(readyPause, readyShare*time.Since(began))):
		case <-service.ended:
		case <-ctx.Done():
			return p.late(ctx, refused)
		}
	}
	return nil
}

// step runs a command to its end; nil says that it ended with status 0, and that check has
// nothing against its standard output.
func (p *performance) step(ctx context.Context, c wire.Command, check func(string) error) *outcome {
	if dead := p.dead(); dead != nil {
		return p.failed(dead, ended(dead))
	}
	client, err := start(c)
	if err != nil {
		return unstarted(err)
	}
	if dead := client.wait(ctx, p.services); dead != nil {
		return p.failed(dead, ended(dead))
	}
	how := ""
	switch {
	case ctx.Err() != nil:
		return p.late(ctx, client)
	case client.err != nil:
		how = ended(client)
	case check != nil:
		said, all := client.out.text()
		if err := check(said); err != nil && !all {
			return &outcome{Fault: fmt.Sprintf("%s answered more than %d bytes, of which these were looked at: %v", client.name, maxAnswer, err)}
		} else if err != nil {
			how = err.Error()
		}
	}
	if how == "" {
		return nil
	}
	if check != nil && len(p.services) > 0 { // a server that dies is seen a little later
		time.Sleep(deathPause)
	}
	if dead := p.dead(); dead != nil {
		return p.failed(dead, ended(dead))
	}
	o := p.failed(client, how)
	o.Started = true
	return o
}

// late is the outcome of a client that had no answer when time was out.
func (p *performance) late(ctx context.Context, client *process) *outcome {
	how := "had no answer when time was out"
	if err := context.Cause(ctx); errors.Is(err, errStalled) {
		how = "had no answer, and " + err.Error()
	}
	o := p.failed(client, how)
	o.Late, o.Started, o.Killed = true, true, false // it was killed for that
	return o
}

// dead returns a service that has ended, if there is one.
func (p *performance) dead() *process {
	for _, s := range p.services {
		select {
		case <-s.ended:
			return s
		default:
		}
	}
	return nil
}

// failed is the outcome where a command is to blame.
func (p *performance) failed(culprit *process, how string) *outcome {
	o := outcome{How: culprit.name + " " + how, Culprit: culprit.cmd.Process.Pid, Said: map[int]string{}}
	for _, s := range append(p.services, culprit) {
		o.Said[s.cmd.Process.Pid] = s.said()
	}
	if exit := new(exec.ExitError); errors.As(culprit.err, &exit) {
		status, ok := exit.Sys().(syscall.WaitStatus)
		o.Killed = ok && status.Signaled() && status.Signal() == syscall.SIGKILL
	}
	return &o
}

// ended says how a process ended.
func ended(p *process) string {
	if p.err == nil {
		return "ended with exit status 0"
	}
	return "ended with " + p.err.Error()
}

// unstarted is the outcome where a program is not there, which no kernel has to answer for.
func unstarted(err error) *outcome { return &outcome{Fault: err.Error()} }
