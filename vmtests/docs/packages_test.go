package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/table"
)

const module = "github.com/netstrip/netstrip/"

// TestPackages draws the packages and their imports, and lists them with their comments. The
// picture leaves out an import that another import implies.
func TestPackages(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles,Doc", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	imports, docs := map[string][]string{}, map[string]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			ImportPath, Doc  string
			Imports, GoFiles []string
		}
		require.NoError(t, dec.Decode(&p))
		if len(p.GoFiles) == 0 || strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		own := []string{}
		for _, i := range p.Imports {
			if name, ok := strings.CutPrefix(i, module); ok {
				own = append(own, name)
			}
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		imports[name], docs[name] = own, p.Doc
	}
	golden(t, "packages.svg", draw(imports))
	var rows strings.Builder
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		fmt.Fprintf(&rows, "| [%s](../../%s) | %s |\n", name, name, table.Markdown(docs[name]))
	}
	golden(t, "packages.md", written+fmt.Sprintf(packagesText, rows.String()))
}

// reaches reports whether from imports to, directly or not.
func reaches(imports map[string][]string, from, to string) bool {
	return slices.ContainsFunc(imports[from], func(i string) bool { return i == to || reaches(imports, i, to) })
}

// implied reports whether from imports to through another package as well.
func implied(imports map[string][]string, from, to string) bool {
	return slices.ContainsFunc(imports[from], func(i string) bool { return i != to && reaches(imports, i, to) })
}

// level returns the length of the longest chain of imports from a package.
func level(imports map[string][]string, name string) int {
	n := 0
	for _, i := range imports[name] {
		n = max(n, 1+level(imports, i))
	}
	return n
}

const (
	boxWidth, boxHeight = 148, 24
	gapX, gapY          = 14, 40
)

// place is the position of a package's box.
type place struct{ x, y int }

// draw returns an SVG with a row for each level, the highest at the top, and a colour for
// each of the four directories.
func draw(imports map[string][]string) string {
	rows := map[int][]string{}
	for name := range imports {
		n := level(imports, name)
		rows[n] = append(rows[n], name)
	}
	top, widest := slices.Max(slices.Collect(maps.Keys(rows))), 0
	for _, row := range rows {
		widest = max(widest, len(row))
	}
	places := map[string]place{}
	for n := 0; n <= top; n++ {
		slices.SortFunc(rows[n], func(a, b string) int {
			if d := below(places, imports[a]) - below(places, imports[b]); d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		left := (widest - len(rows[n])) * (boxWidth + gapX) / 2
		for i, name := range rows[n] {
			places[name] = place{10 + left + i*(boxWidth+gapX), 10 + (top-n)*(boxHeight+gapY)}
		}
	}
	return svg(imports, places, 20+widest*(boxWidth+gapX)-gapX, 20+(top+1)*(boxHeight+gapY)-gapY)
}

// below returns the mean x of the boxes of the packages that a package imports.
func below(places map[string]place, on []string) int {
	if len(on) == 0 {
		return 0
	}
	sum := 0
	for _, i := range on {
		sum += places[i].x
	}
	return sum / len(on)
}

var colours = map[string]string{"cmd": "#d0d7de", "vmtests": "#b6e3ff", "initramfs": "#ffd8b5", "kconfigs": "#aceebb"}

func svg(imports map[string][]string, places map[string]place, width, height int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11" text-anchor="middle">
<title>The packages of netstrip: each imports those below it that a line leads to</title>
<rect width="%d" height="%d" fill="#ffffff"/>
`, width, height, width, height)
	for _, from := range slices.Sorted(maps.Keys(imports)) {
		for _, to := range slices.Sorted(slices.Values(imports[from])) {
			if implied(imports, from, to) {
				continue
			}
			a, z := places[from], places[to]
			fmt.Fprintf(&b, `<path d="M%d %d C%d %d %d %d %d %d" fill="none" stroke="#8c959f"/>`+"\n",
				a.x+boxWidth/2, a.y+boxHeight, a.x+boxWidth/2, a.y+boxHeight+gapY/2, z.x+boxWidth/2, z.y-gapY/2, z.x+boxWidth/2, z.y)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		p := places[name]
		dir, _, _ := strings.Cut(name, "/")
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="%s" stroke="#57606a"/><text x="%d" y="%d">%s</text>`+"\n",
			p.x, p.y, boxWidth, boxHeight, colours[dir], p.x+boxWidth/2, p.y+boxHeight/2+4, name)
	}
	return b.String() + "</svg>\n"
}
