package configdiff

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Crossing is the difference between two .configs whose Kconfig files are not the same: those of
// other series or architectures. Nothing can be said about which difference causes another.
type Crossing struct {
	// Differ is the number of symbols with different values, Same of those that are on and equal.
	Differ int `json:"differ"`
	Same   int `json:"same"`
	// Network are the symbols that are defined in net or drivers/net, or depend on NET.
	Network []Crossed `json:"network"`
	// Asked are others that a fragment names.
	Asked []Crossed `json:"asked"`
	// Others counts the rest by directory, most first.
	Others []Directory `json:"others"`
}

// Crossed is a symbol with different values.
type Crossed struct {
	Change
	// Defined is a or b if the Kconfig files of the other do not define it, or else both.
	Defined string `json:"defined"`
	// Why explains its value in the second .config.
	Why string `json:"why"`
}

// Directory counts the symbols of a directory that differ.
type Directory struct {
	Dir string `json:"dir"`
	// OnlyA and OnlyB are defined on one side only, Both on both.
	OnlyA int `json:"only_a"`
	OnlyB int `json:"only_b"`
	Both  int `json:"both"`
}

// Across compares two .configs of different Kconfig files.
func Across(a, b *explain.ConfigState) *Crossing {
	c := &Crossing{Network: []Crossed{}, Asked: []Crossed{}, Others: []Directory{}}
	network := map[string]bool{}
	for _, w := range []*explain.ConfigState{a, b} {
		for _, name := range w.Closure("NET").Gone {
			network[name] = true
		}
	}
	names := slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Names(), b.Names()))))
	others := map[string]*Directory{}
	for _, name := range names {
		d := Crossed{Change: Change{name, valueIn(a, name), valueIn(b, name)}, Defined: "both"}
		if !a.Has(name) {
			d.Defined = "b"
		} else if !b.Has(name) {
			d.Defined = "a"
		}
		dir := directory(a, b, name)
		_, askedA := a.Asked[name]
		_, askedB := b.Asked[name]
		switch {
		case d.From == d.To && d.From != "n":
			c.Same++
			continue
		case d.From == d.To:
			continue
		case network[name] || dir == "net" || strings.HasPrefix(dir, "net/") || dir == "drivers/net":
			d.Why = why(b, name)
			c.Network = append(c.Network, d)
		case askedA || askedB:
			d.Why = why(b, name)
			c.Asked = append(c.Asked, d)
		default:
			if others[dir] == nil {
				others[dir] = &Directory{Dir: dir}
			}
			others[dir].count(d.Defined)
		}
		c.Differ++
	}
	for _, d := range slices.SortedFunc(maps.Values(others), func(x, y *Directory) int {
		return cmp.Or(cmp.Compare(y.total(), x.total()), cmp.Compare(x.Dir, y.Dir))
	}) {
		c.Others = append(c.Others, *d)
	}
	return c
}

func (d *Directory) total() int { return d.OnlyA + d.OnlyB + d.Both }

func (d *Directory) count(defined string) {
	switch defined {
	case "a":
		d.OnlyA++
	case "b":
		d.OnlyB++
	default:
		d.Both++
	}
}

// why explains a symbol's value, or its absence.
func why(w *explain.ConfigState, name string) string {
	if !w.Has(name) {
		return w.Absent(name)
	}
	return w.Why(name)
}

// directory returns where a symbol is defined, at most two levels deep.
func directory(a, b *explain.ConfigState, name string) string {
	s := a.Symbol(name)
	if s == nil {
		s = b.Symbol(name)
	}
	words := strings.Split(path.Dir(s.Entries[0].File), "/")
	return strings.Join(words[:min(len(words), 2)], "/")
}

// valueIn returns a value as in a .config; a symbol that is not defined is n.
func valueIn(w *explain.ConfigState, name string) string {
	if s := w.Symbol(name); s != nil {
		return valueOf(s, w.Values[name])
	}
	return "n"
}

// valueOf returns a value as in a .config.
func valueOf(s *kconf.Symbol, v kconf.Value) string {
	switch {
	case !isBool(s) && !v.Written || v.Value == "" && s.Type != "string":
		return "n"
	case s.Type == "string":
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v.Value) + `"`
	}
	return v.Value
}

// Write writes what differs from a to b, which are names.
func (c *Crossing) Write(out io.Writer, a, b string, t Text) error {
	w := &writer{Text: t}
	n := c.Differ - len(c.Network) - len(c.Asked)
	summary := "no symbol differs"
	if c.Differ > 0 {
		summary = fmt.Sprintf("%s: %d of the network, %d more that fragments name, %d others",
			count(c.Differ, "symbol differs", "symbols differ"), len(c.Network), len(c.Asked), n)
	}
	w.line("", fmt.Sprintf("%s to %s, whose Kconfig files are not the same: %s; %d are on and equal", a, b, summary, c.Same))
	w.crossed("The network", c.Network)
	w.crossed("Named by fragments", c.Asked)
	w.directories(c.Others, n)
	_, err := io.WriteString(out, w.b.String())
	return err
}

// listed is the number of symbols shown unless all are requested.
const listed = 40

func (w *writer) crossed(title string, all []Crossed) {
	if len(all) == 0 {
		return
	}
	w.b.WriteString("\n")
	w.line("", title+":")
	if w.Markdown {
		w.b.WriteString("\n")
	}
	for i, d := range all {
		if i == listed && !w.All {
			w.line(w.item(), fmt.Sprintf("and %d more; --all lists them", len(all)-i))
			return
		}
		text := d.arrow()
		if w.Markdown {
			text = code(text)
		}
		if d.Why != "" {
			text += ": " + d.Why
		}
		w.line(w.item(), text)
	}
}

// item begins an item of a list.
func (w *writer) item() string {
	if w.Markdown {
		return "- "
	}
	return "    "
}

func (w *writer) directories(all []Directory, n int) {
	if n == 0 {
		return
	}
	w.b.WriteString("\n")
	w.line("", fmt.Sprintf("The other %d by directory, defined only for A, only for B, and for both with other values:", n))
	if w.Markdown {
		w.b.WriteString("\n| | only A | only B | both |\n|---|---:|---:|---:|\n")
	}
	for i, d := range all {
		cells := []any{d.Dir, d.OnlyA, d.OnlyB, d.Both}
		switch {
		case i == folded && !w.All && !w.Markdown:
			w.line(w.item(), fmt.Sprintf("and %d more directories; --all lists them", len(all)-i))
			return
		case w.Markdown:
			fmt.Fprintf(&w.b, "| %s | %d | %d | %d |\n", cells...)
		default:
			fmt.Fprintf(&w.b, "    %-24s %5d %5d %5d\n", cells...)
		}
	}
}
