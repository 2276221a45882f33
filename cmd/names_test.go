package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One package each parses and prints the names of kernels and the IDs of applications. Other
// code has no literal with which it could do so.
func TestNamesHaveOnePlace(t *testing.T) {
	name := regexp.MustCompile(`^(\+|@|\+apps.*|app/.*)$`)
	cutting := regexp.MustCompile(`^(Cut|Trim|Split|Has|Index|LastIndex|Contains)`)
	allowed := map[string]string{
		"kconfigs/ref/ref.go":            "names of kernels",
		"vmtests/target/fragment.go":     "arguments whose fragments are files, of which a name may have a +",
		"initramfs/modules.go":           "keys of images",
		"vmtests/run/resume.go":          "keys of images",
		"vmtests/compare/compare.go":     "keys of images",
		"vmtests/compare/text.go":        "signs of numbers",
		"vmtests/console/truth/truth.go": "offsets in functions",
		"initramfs/module.go":            "versions of Go modules",
	}
	used := map[string]bool{}
	for _, p := range packages(t) {
		for _, file := range p.GoFiles {
			rel := filepath.Join(strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/"), file)
			fset := token.NewFileSet()
			tree, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, 0)
			require.NoError(t, err)
			ast.Inspect(tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					text, err := strconv.Unquote(n.Value)
					if n.Kind != token.STRING || err != nil || !name.MatchString(text) {
						return true
					}
					if used[rel] = true; allowed[rel] == "" {
						t.Errorf("%s: %s: use kconfigs/ref for names of kernels, initramfs/apps for IDs of applications", fset.Position(n.Pos()), n.Value)
					}
				case *ast.CallExpr:
					called, ok := n.Fun.(*ast.SelectorExpr)
					if !ok || len(n.Args) == 0 || !cutting.MatchString(called.Sel.Name) {
						return true
					}
					if whole, ok := n.Args[0].(*ast.SelectorExpr); ok && whole.Sel.Name == "Profile" {
						t.Errorf("%s: %s of the name of a profile: ask its Ref", fset.Position(n.Pos()), called.Sel.Name)
					}
				}
				return true
			})
		}
	}
	for file := range allowed {
		assert.True(t, used[file], "%s needs no exception", file)
	}
}
