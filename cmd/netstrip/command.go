package main

import (
	"context"
	"embed"
	"io"
	"strings"

	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

// command returns a command with some of the flags that several have.
func command(use string, run func(context.Context, *flags, []string) error, names ...string) (*cobra.Command, *flags) {
	f := &flags{}
	c := &cobra.Command{Use: use, RunE: func(c *cobra.Command, args []string) error { return run(c.Context(), f, args) }}
	f.add(c, names...)
	return c, f
}

// answer writes what a command found as JSON, or as text.
func (a *app) answer(f *flags, found interface{ Write(io.Writer) error }) error {
	a.progress.Clear()
	if f.json {
		return table.JSON(a.stdout, found)
	}
	return found.Write(a.stdout)
}

//go:embed help/*.txt
var helpTexts embed.FS

// describe adds help/NAME.txt to a command and to each below it: a summary of one line, a
// description, and examples. A command that only groups others shows its help; one that
// says nothing else takes no arguments.
func describe(c *cobra.Command, path ...string) {
	text, err := helpTexts.ReadFile("help/" + strings.Join(append(path, c.Name()), "-") + ".txt")
	if err != nil {
		panic(err) // it is part of the program, and a test makes every command
	}
	about, examples, _ := strings.Cut(string(text), "\nExamples:\n")
	summary, long, _ := strings.Cut(about, "\n")
	c.Short, c.Long, c.Example = summary, strings.TrimSpace(long), strings.TrimRight(examples, "\n")
	if c.RunE == nil {
		c.Args, c.RunE = unknownCommand, func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if c.Args == nil && !strings.Contains(c.Use, "...") {
		c.Args = cobra.NoArgs
	}
	switch {
	case c.ValidArgsFunction != nil:
	case strings.HasSuffix(c.Use, "[PROFILE...]"):
		c.ValidArgsFunction = completeProfiles
	default:
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	if c.HasParent() {
		path = append(path, c.Name())
	}
	for _, sub := range c.Commands() {
		describe(sub, path...)
	}
}
