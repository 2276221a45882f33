package main

import (
	"embed"
	"strings"

	"github.com/spf13/cobra"
)

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
	if c.ValidArgsFunction == nil {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	if c.HasParent() {
		path = append(path, c.Name())
	}
	for _, sub := range c.Commands() {
		describe(sub, path...)
	}
}
