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

// habit is a phrase that plain technical English does without. In comments some are allowed.
type habit struct {
	phrase   *regexp.Regexp
	instead  string
	comments bool
}

func habits(t *testing.T) (all []habit) {
	file, err := os.Open("testdata/banned.txt")
	require.NoError(t, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); line != "" && line[0] != '#' {
			f := strings.Split(line, "\t")
			require.True(t, len(f) == 2 || len(f) == 3 && f[2] == "messages", "%s", line)
			all = append(all, habit{regexp.MustCompile("(?i)" + f[0]), f[1], len(f) == 2})
		}
	}
	require.NotEmpty(t, all)
	return all
}

// TestPlainWords reads the help texts, the comments, and every string of more than one word in
// the code: messages are among them.
func TestPlainWords(t *testing.T) {
	banned := habits(t)
	check := func(where, text string, comment bool) {
		for _, h := range banned {
			if found := h.phrase.FindString(text); found != "" && (h.comments || !comment) {
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
		check(path, strings.Join(strings.Fields(string(text)), " "), false)
	}
	literals, comments := 0, 0
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			require.NoError(t, err)
			for _, c := range file.Comments {
				comments++
				check(fset.Position(c.Pos()).String(), strings.Join(strings.Fields(c.Text()), " "), true)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(lit.Value, " ") {
					text, err := strconv.Unquote(lit.Value)
					require.NoError(t, err)
					literals++
					check(fset.Position(lit.Pos()).String(), text, false)
				}
				return true
			})
		}
	}
	assert.Greater(t, literals, 1000, "they were not found")
	assert.Greater(t, comments, 1000, "they were not found")
}
