package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/bisect"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/interchange"
	"github.com/netstrip/netstrip/vmtests/merge"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/spf13/cobra"
)

// The exit codes; the root command's help explains them.
const (
	exitDiffers = 1
	exitUsage   = 2
	exitRig     = 3
)

// exitError is the exit code of a program that was run in a guest, about which all has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// differsError says that kernels did not do what was expected of them.
type differsError struct{ error }

// finish prints an error, each line with the prefix netstrip:, and returns the exit code. Errors
// of cobra before a command begins are about the command line.
func (a *app) finish(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitError](err); ok && context.Cause(ctx) == nil {
		return int(code)
	}
	code := exitRig
	signal, interrupted := errors.AsType[process.Interruption](context.Cause(ctx))
	switch {
	case interrupted:
		err, code = signal, 128+int(signal)
		if a.resume != "" {
			err = fmt.Errorf("%w; completed boots are recorded; %s runs the rest", signal, a.resume)
		}
	case isA[differsError](err), errors.Is(err, expect.ErrDiffers), errors.Is(err, merge.ErrDiffers), errors.Is(err, bisect.ErrNotVerified):
		code = exitDiffers
	case errors.Is(err, run.ErrNothingToResume): // whoever resumes wants a run that is whole
		code = 0
	case !a.started, isA[usage.Error](err), isA[*kconfigs.RequestError](err), errors.Is(err, cache.ErrUntrusted):
		code = exitUsage
	}
	for _, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
		fmt.Fprintf(a.stderr, "netstrip: %s\n", report.Escape(line, 2000))
	}
	fmt.Fprint(a.stderr, interchange.ThisWorkflow().Annotations(err))
	return code
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// unknownCommand is the root's check of arguments, of which it takes none.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2 // cobra's own default, which it sets elsewhere
	hint := ""
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return fmt.Errorf("unknown command %q%s; see netstrip --help", args[0], hint)
}
