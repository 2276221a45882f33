// Package cmd holds no code: netstrip's one command is in the directory below. The
// test here holds the layout of the whole module and the direction of its imports.
// It would stand at the root, where nothing but the card's names may. It runs on the
// host.
package cmd

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	root      = ".."
	module    = "github.com/netstrip/netstrip"
	maxFunc   = 60
	maxFile   = 400
	maxExport = 20
)

func TestTopLevel(t *testing.T) {
	want := []string{"LICENSE", "Makefile", "README.md", "cmd", "go.mod", "go.sum", "initramfs", "kconfigs", "vmtests"}
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && name != "results" {
			got = append(got, name)
		}
	}
	assert.ElementsMatch(t, want, got, "the top level is fixed")
}

// goPackage is what this test needs of go list's answer.
type goPackage struct {
	ImportPath, Name, Doc, Dir string
	GoFiles, TestGoFiles       []string
	XTestGoFiles               []string
	Imports, Deps              []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports,Deps", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p goPackage
		require.NoError(t, dec.Decode(&p))
		all = append(all, p)
	}
	require.NotEmpty(t, all)
	return all
}

func TestImports(t *testing.T) {
	own := func(rest string) string { return `^` + module + `/` + rest }
	rules := []struct {
		who, mayNot, except, why string
	}{
		{"initramfs/wire(/duplex)?", `^[^/]*\.[^/]*/`, own("initramfs/wire$"), "guest and host share it: the standard library only"},
		{"initramfs/(probes|appguest|kmod|session|trace|cmds)(/.*)?", own("(kconfigs|vmtests|cmd|initramfs$)"), "", "nothing in the guest imports the host's side"},
		{"kconfigs(/.*)?", own("(initramfs|vmtests|cmd)"), "", "kconfigs knows neither guests nor boots"},
		{"initramfs", own("(vmtests|cmd)"), "", "the image does not know who boots it"},
		{"initramfs/apps(/.*)?", own("(vmtests|cmd|initramfs$)"), "", "the disk does not know who boots it"},
		{"vmtests(/.*)?", own("cmd"), "", "the command is on top"},
		{"vmtests/(console|record|report)", own("kconfigs"), "/(file|kernel|ref)$", "they are pure: logs and records in, records and reports out"},
		{"vmtests/table", own(""), "", "a table knows nothing of what it shows"},
		{"vmtests/studies", own("kconfigs/"), "/(arch|file|kernel|packed|ref|rename)$", "a comparison is made from records, and the profiles they are of"},
		{"vmtests/guest", own("(kconfigs|initramfs|vmtests/(run|expect)$)"), "/(wire|duplex|arch|cache|file|kernel|packed|process|programs|ref)$", "a boot knows no profile, no build and no run"},
		{"vmtests/expect", own("(kconfigs|vmtests/(guest|run)$)"), "/(file|kernel|packed|ref)$", "what is expected does not depend on who boots"},
		{"vmtests/(accel|claims|compare|console|interchange|kconfigcheck|program|record|report|studies|table)", own("vmtests/(guest|run)$"), "", "they boot nothing"},
	}
	used := map[string]bool{}
	var booters []string
	for _, p := range packages(t) {
		if slices.ContainsFunc(p.Imports, func(i string) bool { return strings.HasPrefix(i, "github.com/hugelgupf/vmtest/qemu") }) {
			booters = append(booters, strings.TrimPrefix(p.ImportPath, module+"/"))
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, rule := range rules {
			if !regexp.MustCompile("^" + rule.who + "$").MatchString(rel) {
				continue
			}
			used[rule.who+rule.mayNot] = true
			for _, dep := range p.Deps {
				allowed := rule.except != "" && regexp.MustCompile(rule.except).MatchString(dep)
				if dep != p.ImportPath && !allowed && regexp.MustCompile(rule.mayNot).MatchString(dep) {
					t.Errorf("%s imports %s: %s", rel, dep, rule.why)
				}
			}
		}
	}
	assert.Equal(t, []string{"vmtests/guest"}, booters, "one package on the host imports vmtest")
	for _, rule := range rules {
		assert.True(t, used[rule.who+rule.mayNot], "the rule about %s fits no package", rule.who)
	}
}

func TestPackages(t *testing.T) {
	side := regexp.MustCompile(`(?i)\b(host|guest|both)\b`)
	banned := []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared", "lib"}
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		assert.NotContains(t, banned, p.Name, rel)
		doc := p.Doc
		if len(p.GoFiles) == 0 {
			continue // this very package
		}
		assert.NotEmpty(t, doc, "%s has no package comment", rel)
		assert.Regexp(t, side, packageComment(t, p), "the comment of %s does not say whether it runs on the host, in the guest or both", rel)
	}
}

// packageComment is the whole comment; go list gives only its first sentence.
func packageComment(t *testing.T, p goPackage) string {
	var text string
	for _, f := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
		require.NoError(t, err)
		text += file.Doc.Text()
	}
	return text
}

func TestSizesAndErrors(t *testing.T) {
	evasive := regexp.MustCompile(`(?i)^"(failed|unable|could not) `)
	for _, p := range packages(t) {
		exports := 0
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			path := filepath.Join(p.Dir, name)
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
			require.NoError(t, err)
			lines := fset.Position(file.FileEnd).Line
			assert.LessOrEqual(t, lines, maxFile, "%s is too long", path)
			test := strings.HasSuffix(name, "_test.go")
			for _, decl := range file.Decls {
				checkFunc(t, fset, decl)
				if !test {
					exports += exported(t, fset, decl)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && evasive.MatchString(lit.Value) && !test {
					t.Errorf("%s: %s: an error names the operation", fset.Position(lit.Pos()), lit.Value)
				}
				return true
			})
		}
		assert.LessOrEqual(t, exports, maxExport, "%s exports too much", p.ImportPath)
	}
}

// The command holds flags and printing; whatever decides is in the packages below.
func TestCommandIsThin(t *testing.T) {
	const perCommand = 60
	commands, err := filepath.Glob("netstrip/help/*.txt")
	require.NoError(t, err)
	files, err := filepath.Glob("netstrip/*.go")
	require.NoError(t, err)
	lines := 0
	for _, path := range files {
		if text, err := os.ReadFile(path); !strings.HasSuffix(path, "_test.go") {
			require.NoError(t, err)
			lines += strings.Count(string(text), "\n")
		}
	}
	assert.Positive(t, lines)
	assert.LessOrEqual(t, lines, perCommand*len(commands), "cmd/netstrip is too long for its commands")
}

func checkFunc(t *testing.T, fset *token.FileSet, decl ast.Decl) {
	if fn, ok := decl.(*ast.FuncDecl); ok {
		n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line
		assert.LessOrEqual(t, n, maxFunc, "%s: %s is too long", fset.Position(fn.Pos()), fn.Name)
		assert.NotEqual(t, "init", fn.Name.Name, "%s: no init functions", fset.Position(fn.Pos()))
	}
}

// exported counts the exported names of a declaration and wants each documented. A
// group of constants is a table and counts as one.
func exported(t *testing.T, fset *token.FileSet, decl ast.Decl) int {
	n := 0
	want := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if !name.IsExported() {
			return
		}
		n++
		for _, d := range docs {
			if d.Text() != "" {
				return
			}
		}
		t.Errorf("%s: %s has no comment", fset.Position(name.Pos()), name)
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			want(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				want(s.Name, s.Doc, d.Doc)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					want(name, s.Doc, s.Comment, d.Doc)
				}
			}
		}
		if d.Tok == token.CONST {
			return min(n, 1)
		}
	}
	return n
}
