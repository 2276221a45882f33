// Command netstrip shows by experiment what breaks when parts of the Linux network
// stack are compiled out of the kernel. It runs on the host, and is a thin shell over
// the packages that do the work: kconfigs and kbuild make kernels, vmtests boots
// them, record keeps what was found, report puts it into words.
//
// Results go to standard output, progress and errors to standard error.
package main

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"

	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	running "github.com/netstrip/netstrip/vmtests/program"
	"github.com/spf13/cobra"
)

func main() { os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr)) }

// execute runs one command line and returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	ctx, stop := process.Interruptible()
	defer stop()
	a := &app{stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	a.progress.Clear()
	if a.tables.Len() > 0 {
		err = cmp.Or(a.output(a.tablesFile, func(w io.Writer) error { _, err := a.tables.WriteTo(w); return err }), err)
	}
	return a.finish(ctx, err)
}

// app is one invocation.
type app struct {
	stdout, stderr io.Writer
	// tables is the standard output of a command whose --markdown names a file, which is tablesFile.
	tables     bytes.Buffer
	tablesFile string
	// progress prints nothing until a command sets it.
	progress *progress.Printer
	// started: the command line was understood and the command has begun.
	started bool
	// resume is the command that goes on with the run under way, if there is one.
	resume string
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:              "netstrip",
		Version:          running.This().String(),
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: a.start,
	}
	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		a.profilesCommand(), a.buildCommand(), a.runCommand(), a.execCommand(), a.appsCommand(), a.showCommand(), a.reportCommand(),
		a.resultsCommand(), a.doctorCommand(), a.cacheCommand(), a.explainCommand(), a.checkCommand(), a.compareCommand(),
		a.claimsCommand(), a.benchCommand(), a.bisectCommand(), a.minimizeCommand(), a.consoleCommand(), a.shellCommand(),
		a.planCommand(), a.mergeCommand())
	describe(root)
	return root
}

// start begins a command.
func (a *app) start(c *cobra.Command, _ []string) {
	a.started = true
	only := c.Flags().Lookup("markdown")
	if only != nil && c.Flags().Lookup("junit") == nil && only.Value.String() != "" && only.Value.String() != "-" {
		a.tablesFile, a.stdout = only.Value.String(), &a.tables
	}
}

// command returns a command that completes its arguments, if it takes any, with complete.
func command(use string, complete cobra.CompletionFunc, run func(context.Context, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, ValidArgsFunction: complete, RunE: func(c *cobra.Command, args []string) error { return run(c.Context(), args) }}
}

// helpCommand is cobra's, except that an unknown topic is an error.
func helpCommand() *cobra.Command {
	help := &cobra.Command{
		Use:               "help [COMMAND...]",
		ValidArgsFunction: completeCommands,
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage.Errorf("no help on %q; see netstrip --help", args)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
	describe(help)
	return help
}
