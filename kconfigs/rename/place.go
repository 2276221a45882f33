package rename

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// places are where Linux defines the symbols that netstrip's fragments name.
//
//go:embed places.txt
var places string

// Entry is a definition of a symbol in a Kconfig file.
type Entry struct {
	Symbol, Type string
	File         string
	Line         int
	// Prompt is the text of its prompt, or empty.
	Prompt string
}

// place is an entry with its neighbours in the file: the symbols before and after it, or "-".
type place struct {
	Entry
	before, after string
}

// String returns the line about the place in the table.
func (p place) String() string {
	return strings.TrimSpace(strings.Join([]string{p.Symbol, p.Type, p.File, p.before, p.after, p.Prompt}, " "))
}

func readPlaces() map[string]place {
	all := map[string]place{}
	for line := range strings.Lines(places) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 6)
		if len(f) < 5 || f[0] == "#" {
			continue
		}
		f = append(f, "")
		all[f[0]] = place{Entry: Entry{Symbol: f[0], Type: f[1], File: f[2], Prompt: f[5]}, before: f[3], after: f[4]}
	}
	return all
}

// placesOf returns every definition with its neighbours.
func placesOf(entries []Entry) []place {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	neighbour := func(file string, i int) string {
		if i < 0 || i >= len(sorted) || sorted[i].File != file {
			return "-"
		}
		return sorted[i].Symbol
	}
	all := make([]place, len(sorted))
	for i, e := range sorted {
		all[i] = place{e, neighbour(e.File, i-1), neighbour(e.File, i+1)}
	}
	return all
}

// Moved is a symbol of a kernel that seems to be another one under a new name.
type Moved struct {
	Entry
	// SamePrompt and SamePlace are set if it has the other's unique prompt, and if it is between the
	// same neighbours in the same file. With both there is hardly a doubt.
	SamePrompt, SamePlace bool
}

// String returns the symbol and the evidence, for the end of a message.
func (m Moved) String() string {
	at := fmt.Sprintf("%s:%d", m.File, m.Line)
	switch {
	case m.SamePrompt && m.SamePlace:
		return fmt.Sprintf("; here it is called %s, which has its prompt, %q, and its place, %s", m.Symbol, m.Prompt, at)
	case m.SamePrompt:
		return fmt.Sprintf("; here it may be called %s (%s), which has its prompt, %q", m.Symbol, at, m.Prompt)
	}
	return fmt.Sprintf("; here it may be called %s, which is in its place, %s", m.Symbol, at)
}

// Find looks for a symbol of netstrip's fragments that a kernel lacks among the definitions in that
// kernel's Kconfig files.
func Find(name string, entries []Entry) (Moved, bool) {
	was, ok := readPlaces()[name]
	if !ok || slices.ContainsFunc(entries, func(e Entry) bool { return e.Symbol == name }) {
		return Moved{}, false
	}
	var prompted, placed []Moved
	for _, p := range placesOf(entries) {
		m := Moved{
			Entry: p.Entry, SamePrompt: was.Prompt != "" && strings.EqualFold(p.Prompt, was.Prompt) && p.Type == was.Type,
			SamePlace: p.File == was.File && p.before == was.before && p.after == was.after && p.Type == was.Type,
		}
		switch {
		case m.SamePrompt && m.SamePlace:
			return m, true
		case m.SamePrompt:
			prompted = append(prompted, m)
		case m.SamePlace:
			placed = append(placed, m)
		}
	}
	for _, found := range [][]Moved{prompted, placed} {
		if len(found) == 1 {
			return found[0], true
		}
	}
	return Moved{}, false
}
