package configdiff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/explain"
)

// Guest is the difference between two .configs and the two kernels booted from them, which
// both have what the guest needs.
type Guest struct {
	// Forced are differences of the .configs in symbols that the guest needs, which are
	// therefore equal in the kernels.
	Forced []Forced `json:"forced"`
	// Hidden are the other differences that the kernels do not have: they followed from
	// those.
	Hidden []Change `json:"hidden"`
	// Added are differences that only the kernels have.
	Added []Change `json:"added"`
}

// Forced is a difference in a symbol that the guest needs.
type Forced struct {
	Change
	// Needs is the value that the guest needs.
	Needs string `json:"needs"`
}

// Guest compares the differences of two .configs with those of the kernels booted from
// them. It is nil if they are the same.
func (d *Delta) Guest(a, b *explain.ConfigState) *Guest {
	g := &Guest{Forced: []Forced{}, Hidden: []Change{}, Added: []Change{}}
	needed := b.Protected()
	booted := map[string]bool{}
	for _, c := range d.changes(a.Values, b.Values) {
		booted[c.Symbol] = true
		if own := d.change(c.Symbol, d.a.Values, d.b.Values); own.From == own.To {
			g.Added = append(g.Added, c)
		}
	}
	for _, c := range d.Changes {
		_, needs := slices.BinarySearch(needed, c.Symbol)
		switch {
		case booted[c.Symbol]:
		case needs:
			g.Forced = append(g.Forced, Forced{c, d.value(b.Values, c.Symbol)})
		default:
			g.Hidden = append(g.Hidden, c)
		}
	}
	if len(g.Forced)+len(g.Hidden)+len(g.Added) == 0 {
		return nil
	}
	return g
}

// Lines returns a sentence for each kind of difference that boots do not show. Unless all is
// set, long lists are cut.
func (g *Guest) Lines(all bool) []string {
	if g == nil {
		return nil
	}
	w := &writer{Text: Text{All: all}}
	var lines []string
	for i, f := range g.Forced {
		if i == folded && !all {
			lines = append(lines, fmt.Sprintf("and %d more that the guest needs", len(g.Forced)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s: the guest needs %s, so boots here cannot show it", f.arrow(), f.Needs))
	}
	if len(g.Hidden) > 0 {
		lines = append(lines, fmt.Sprintf("%s equal in both kernels because of what the guest needs, so boots here cannot show it: %s",
			count(len(g.Hidden), "other symbol is", "other symbols are"), w.fold(arrows(g.Hidden))))
	}
	if len(g.Added) > 0 {
		lines = append(lines, fmt.Sprintf("%s in the booted kernels and not in the files, because of what the guest needs: %s",
			count(len(g.Added), "symbol differs", "symbols differ"), w.fold(arrows(g.Added))))
	}
	return lines
}

// Names lists briefly the differences of the .configs that no boot shows.
func (g *Guest) Names() string {
	w := &writer{}
	var all []string
	for _, f := range g.Forced {
		all = append(all, f.arrow()+" (the guest needs "+f.Needs+")")
	}
	return w.fold(append(all, arrows(g.Hidden)...))
}

func arrows(changes []Change) []string {
	var all []string
	for _, c := range changes {
		all = append(all, c.arrow())
	}
	return all
}

// guest writes what boots cannot show.
func (w *writer) guest(g *Guest) {
	for i, line := range g.Lines(w.All) {
		if i == 0 {
			w.b.WriteString("\n")
		}
		if w.Markdown {
			line = "- " + line
		}
		w.line("", strings.TrimSpace(line))
	}
}
