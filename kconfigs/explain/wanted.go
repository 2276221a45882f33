package explain

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/packed"
)

// maxWanted is the largest size of a list of symbols, in bytes.
const maxWanted = 1 << 20

// Wanted is a line of a list of wanted symbols. An empty Value means that the symbol is to be
// on, built in or as a module, or to have any value.
type Wanted kconfigs.Setting

// ReadWanted reads a list of wanted symbols: lines of a fragment, or bare names with or without
// CONFIG_. Its mistakes are a RequestError.
func ReadWanted(path string) ([]Wanted, error) {
	data, err := packed.ReadFile(path, maxWanted)
	if err != nil {
		return nil, problem(path, "reading the list of wanted symbols: "+err.Error())
	}
	return parseWanted(path, data)
}

func parseWanted(name string, data []byte) ([]Wanted, error) {
	var text bytes.Buffer
	bare := map[int]bool{}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		symbol, _, valued := strings.Cut(line, "=")
		symbol = strings.TrimSpace(symbol)
		switch {
		case !isName.MatchString(symbol):
			text.WriteString(line)
		case valued:
			text.WriteString("CONFIG_" + strings.TrimPrefix(line, "CONFIG_"))
		default:
			bare[n] = true
			text.WriteString("CONFIG_" + strings.TrimPrefix(symbol, "CONFIG_") + "=y")
		}
		text.WriteByte('\n')
	}
	f, err := kconfigs.ParseFragment(name, text.Bytes())
	if err == nil && len(f.Settings) == 0 {
		err = problem(name, "it lists no symbol")
	}
	if err != nil {
		return nil, err
	}
	var all []Wanted
	for _, s := range f.Settings {
		if bare[s.Line] {
			s.Value = ""
		}
		all = append(all, Wanted(s))
	}
	return all, nil
}

var isName = regexp.MustCompile(`^\w+$`)

func problem(file, text string) error {
	return &kconfigs.RequestError{Problems: []kconfigs.Problem{{File: file, Text: text}}}
}
