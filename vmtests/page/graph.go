package page

import (
	"fmt"
	"html/template"
	"slices"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

func escaped(s string) string { return template.HTMLEscapeString(s) }

// graph is which of some symbols depend on which others.
type graph struct {
	// variant names the kernel series and architecture.
	variant string
	// needs are the direct dependencies, without those that another implies.
	needs map[string][]string
}

// root is the symbol that all others in the graph depend on.
const root = "NET"

// newGraph returns the graph of those symbols that depend on NET, and NET.
func newGraph(tree *explain.Tree, names []string, variant string) *graph {
	all := map[string][]string{}
	for _, name := range names {
		all[name] = needed(tree, name, names, map[string]bool{name: true})
	}
	var reaches func(from, to string, depth int) bool
	reaches = func(from, to string, depth int) bool {
		return depth < 20 && slices.ContainsFunc(all[from], func(n string) bool { return n == to || reaches(n, to, depth+1) })
	}
	g := &graph{variant: variant, needs: map[string][]string{}}
	for _, name := range names {
		if name != root && !reaches(name, root, 0) {
			continue
		}
		g.needs[name] = slices.DeleteFunc(slices.Clone(all[name]), func(n string) bool {
			return n != root && !reaches(n, root, 0) ||
				slices.ContainsFunc(all[name], func(other string) bool { return other != n && reaches(other, n, 0) })
		})
	}
	return g
}

// needed returns those of some symbols that another depends on, directly or through symbols that are
// not among them.
func needed(tree *explain.Tree, name string, names []string, seen map[string]bool) (all []string) {
	s := tree.Symbol(name)
	if s == nil {
		return nil
	}
	for _, need := range required(s.Depends) {
		switch {
		case seen[need]:
			continue
		case slices.Contains(names, need):
			all = append(all, need)
		}
		seen[need] = true
		if !slices.Contains(names, need) {
			all = append(all, needed(tree, need, names, seen)...)
		}
	}
	return all
}

// required returns the symbols that must be on for an expression to be true.
func required(e *kconf.Expr) (all []string) {
	switch {
	case e == nil:
	case e.Op == "":
		all = append(all, e.Name)
	case e.Op == "&&":
		for i := range e.Args {
			all = append(all, required(&e.Args[i])...)
		}
	}
	return all
}

// level returns the length of the longest chain from a symbol to NET.
func (g *graph) level(name string) int {
	most := 0
	for _, n := range g.needs[name] {
		most = max(most, 1+g.level(n))
	}
	return most
}

// layers returns the symbols by level, each layer in the order of what it depends on.
func (g *graph) layers() [][]string {
	var layers [][]string
	place := map[string]int{}
	for name := range g.needs {
		l := g.level(name)
		for len(layers) <= l {
			layers = append(layers, nil)
		}
		layers[l] = append(layers[l], name)
	}
	children := map[string]int{}
	for _, needs := range g.needs {
		for _, n := range needs {
			children[n]++
		}
	}
	for _, layer := range layers {
		slices.SortFunc(layer, func(a, b string) int {
			first := func(name string) int {
				least := 1 << 20
				for _, n := range g.needs[name] {
					least = min(least, place[n])
				}
				return least
			}
			if d := first(a) - first(b); d != 0 {
				return d
			}
			if d := children[b] - children[a]; d != 0 {
				return d
			}
			if a < b {
				return -1
			}
			return 1
		})
		for i, name := range layer {
			place[name] = i
		}
	}
	return layers
}

// symbolsPlot draws the symbols from left to right, so that each is to the right of what it needs.
func (s *study) symbolsPlot() plot {
	p := plot{ID: "symbols", Title: "The network's symbols"}
	if s.graph == nil || len(s.graph.needs) < 2 {
		p.Why = "Kconfig could not be asked: the Kconfig program of none of these kernels is in the cache."
		return p
	}
	const width, height, gapX, gapY = 196.0, 22.0, 64.0, 7.0
	layers := s.graph.layers()
	most := 0
	for _, l := range layers {
		most = max(most, len(l))
	}
	b := &svg{width: float64(len(layers))*(width+gapX) - gapX + 4, height: float64(most)*(height+gapY) + 8}
	x, y := map[string]float64{}, map[string]float64{}
	for i, layer := range layers {
		from := (b.height - float64(len(layer))*(height+gapY)) / 2
		for j, name := range layer {
			x[name], y[name] = 2+float64(i)*(width+gapX), from+float64(j)*(height+gapY)
		}
	}
	for _, layer := range layers {
		for _, name := range layer {
			for _, n := range s.graph.needs[name] {
				x1, y1, x2, y2 := x[n]+width, y[n]+height/2, x[name], y[name]+height/2
				fmt.Fprintf(b, `<path class="edge" d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f"/>`, x1, y1, x1+gapX/2, y1, x2-gapX/2, y2, x2, y2)
			}
		}
	}
	for _, layer := range layers {
		for _, name := range layer {
			on, known := s.on(name)
			class := map[bool]string{true: "all", false: "some"}[on == known]
			if on == 0 {
				class = "off"
			}
			fmt.Fprintf(b, `<g class="node %s" data-symbol="%s">`, class, escaped(name))
			b.rect("", x[name], y[name], width, height, fmt.Sprintf("%s is on in %d of %d kernels", name, on, known))
			b.text("node-name", x[name]+8, y[name]+15, name)
			if known > 0 {
				b.text("node-count", x[name]+width-8, y[name]+15, fmt.Sprintf("%d/%d", on, known))
			}
			b.WriteString("</g>")
		}
	}
	p.SVG = b.html("Graph: which of the network's symbols depend on which others")
	p.Caption = fmt.Sprintf("The symbols that probes need, as the Kconfig files of %s have them; a line leads from a symbol to those that depend on it. "+
		"The numbers say on how many of the kernels a symbol is on. A click shows the probes that need it.", s.graph.variant)
	return p
}

// on returns on how many kernels a symbol is on, and of how many that is known.
func (s *study) on(name string) (on, known int) {
	for _, k := range s.Kernels {
		value, _ := s.value(k, name)
		if value != "" {
			known++
		}
		if value != "" && value != "n" {
			on++
		}
	}
	return on, known
}
