package wire

import (
	_ "embed"
	"fmt"
	"strings"
)

// The first lines of the catalogue document its format.
//
//go:embed probes.txt
var catalogue string

// Probe is an entry of the catalogue. The probes of applications are not in it: they come
// from the applications' descriptions (initramfs/apps).
type Probe struct {
	// ID names the probe: family/subject/..., for example socket/tcp4/loopback.
	ID string
	// Question is what it asks, in one line.
	Question string
	// Symbols are the Kconfig symbols that it depends on; all of them must be on.
	Symbols []string
	// Always says why it works on every kernel that can run it; empty if it can be absent.
	Always string
	// Despite says why it can be absent although its symbols are on; empty if it cannot.
	Despite string
}

// Asked reports whether a boot asks the probe id, given the patterns that the host chose (see
// Matches; may be empty) and whether it asks about an init.
func Asked(id, patterns string, ofInit bool) (bool, error) {
	switch family, _, _ := strings.Cut(id, "/"); {
	case family == InitFamily:
		return ofInit, nil
	case patterns == "":
		return family != PerfFamily, nil
	}
	return Matches(patterns, id)
}

// Probes returns the catalogue, in the order of its file.
func Probes() []Probe {
	all, err := parseCatalogue(catalogue)
	if err != nil {
		panic(err) // it is part of the program, and a test reads it
	}
	return all
}

// parseCatalogue reads the catalogue's text.
func parseCatalogue(text string) ([]Probe, error) {
	var all []Probe
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		rest := strings.Join(f[1:], " ")
		switch indented := strings.ContainsRune(" \t", rune(line[0])); {
		case indented && len(all) > 0 && f[0] == "always:":
			all[len(all)-1].Always = rest
		case indented && len(all) > 0 && f[0] == "despite:":
			all[len(all)-1].Despite = rest
		case indented || len(f) < 3 || seen[f[0]]:
			return nil, fmt.Errorf("reading the catalogue of probes: line %d: want a new ID, symbols and a question, or a note on a probe: %q", n, line)
		default:
			seen[f[0]] = true
			p := Probe{ID: f[0], Question: strings.Join(f[2:], " ")}
			if f[1] != "-" && f[1] != "?" {
				p.Symbols = strings.Split(f[1], ",")
			}
			all = append(all, p)
		}
	}
	return all, nil
}
