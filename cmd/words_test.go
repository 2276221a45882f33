package cmd

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// habit is a phrase that plain technical English does without.
type habit struct {
	phrase  *regexp.Regexp
	instead string
}

func habits(t *testing.T) (all []habit) {
	file, err := os.Open("testdata/banned.txt")
	require.NoError(t, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); line != "" && line[0] != '#' {
			phrase, instead, ok := strings.Cut(line, "\t")
			require.True(t, ok, "no tab: %s", line)
			all = append(all, habit{regexp.MustCompile("(?i)" + phrase), instead})
		}
	}
	require.NotEmpty(t, all)
	return all
}

// TestPlainWords reads the help texts, and every string of more than one word in the code:
// messages are among them.
func TestPlainWords(t *testing.T) {
	banned := habits(t)
	check := func(where, text string) {
		for _, h := range banned {
			if found := h.phrase.FindString(text); found != "" {
				t.Errorf("%s: %q: %s", where, found, h.instead)
			}
		}
	}
	helps, err := filepath.Glob("netstrip/help/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, helps)
	for _, path := range helps {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		check(path, strings.Join(strings.Fields(string(text)), " "))
	}
	literals := 0
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(lit.Value, " ") {
					text, err := strconv.Unquote(lit.Value)
					require.NoError(t, err)
					literals++
					check(fset.Position(lit.Pos()).String(), text)
				}
				return true
			})
		}
	}
	assert.Greater(t, literals, 1000, "they were not found")
}
