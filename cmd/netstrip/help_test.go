package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// commands are netstrip's, all of them.
func commands() []*cobra.Command {
	a := &app{stdout: os.Stdout, stderr: os.Stderr}
	all := []*cobra.Command{a.root(), helpCommand()}
	for i := 0; i < len(all); i++ {
		all = append(all, all[i].Commands()...)
	}
	return all
}

func TestCommandsAreDescribed(t *testing.T) {
	all := commands()
	for _, c := range all {
		assert.NotEmpty(t, c.Short, c.CommandPath())
		assert.NotRegexp(t, `\.$|\n`, c.Short, c.CommandPath())
		assert.NotEmpty(t, c.Example, c.CommandPath())
		assert.NotNil(t, c.ValidArgsFunction, "%s completes nothing", c.CommandPath())
		for line := range strings.SplitSeq(c.Long, "\n") {
			assert.LessOrEqual(t, len(line), 88, "%s: %s", c.CommandPath(), line)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			assert.NotEmpty(t, f.Usage, "%s --%s", c.CommandPath(), f.Name)
		})
	}
	files, err := filepath.Glob("help/*.txt")
	require.NoError(t, err)
	assert.Len(t, files, len(all), "a text for each command, and no other")
}

// Each example is a command line that its command takes.
func TestExamples(t *testing.T) {
	word := regexp.MustCompile(`'[^']*'|[^\s']+`)
	checked := 0
	for _, c := range commands() {
		for line := range strings.SplitSeq(c.Example, "\n") {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "   ") // what follows says what it does
			words := word.FindAllString(line, -1)
			for len(words) > 0 {
				end := 0
				for end < len(words) && !strings.Contains("| && >", words[end]) {
					end++
				}
				if words[0] == "netstrip" {
					root := (&app{}).root()
					root.AddCommand(helpCommand())
					found, args, err := root.Find(words[1:end])
					require.NoError(t, err, line)
					require.NoError(t, found.ParseFlags(args), line)
					assert.NoError(t, found.ValidateArgs(found.Flags().Args()), line)
					checked++
				}
				words = words[min(end+1, len(words)):]
			}
		}
	}
	assert.Greater(t, checked, 80)
}
