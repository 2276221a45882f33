package main

import (
	"embed"
	"io"
	"strings"

	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

// write writes a result as JSON or as text.
func (a *app) write(f *flags, result interface{ Write(io.Writer) error }) error {
	a.progress.Clear()
	if f.json {
		return table.JSON(a.stdout, result)
	}
	return result.Write(a.stdout)
}

// rows returns a table of a list, with the cells of each of its members, which are not trusted.
func rows[T any](list []T, cells func(T) []string, head ...string) *table.Table {
	t := &table.Table{Head: head, Value: list}
	for _, one := range list {
		row := cells(one)
		for i, cell := range row {
			row[i] = report.Escape(cell, 4000)
		}
		if row != nil {
			t.Add(row...)
		}
	}
	return t
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
