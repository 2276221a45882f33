package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/rename"
)

// Answer compares a wanted symbol with a kernel.
type Answer struct {
	Symbol string `json:"symbol"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	// Wanted is empty if both y and m are accepted. Got is empty if the kernel has no such symbol.
	Wanted string `json:"wanted"`
	Got    string `json:"got"`
	// State is present, missing, renamed or unknown. Met is set if there is nothing to do.
	State string `json:"state"`
	Met   bool   `json:"met"`
	// Note is a remark about the value, Why the reason that it is not met.
	Note string `json:"note,omitempty"`
	Why  string `json:"why,omitempty"`
	// Way is what to add; nil if no way was sought.
	Way *Way `json:"way,omitempty"`
	// Goal is the setting to seek; a renamed symbol has its name in this kernel.
	Goal kconfigs.Setting `json:"-"`
}

// Answer compares a wanted symbol with w.
func (w *ConfigState) Answer(want Wanted) Answer {
	a := Answer{Symbol: want.Symbol, File: want.Fragment, Line: want.Line, Wanted: want.Value, State: "present", Goal: kconfigs.Setting(want)}
	if !w.Has(want.Symbol) {
		return w.absent(a)
	}
	w.judge(&a)
	if !a.Met {
		a.State, a.Why = "missing", w.Refused(a.Symbol, a.Goal.Value)
	}
	return a
}

// absent completes the answer for a symbol that the kernel does not have.
func (w *ConfigState) absent(a Answer) Answer {
	known := w.known()
	a.Note = "this kernel has no such symbol" + rename.Other(a.Symbol, known, nil)
	here := rename.Here(a.Symbol, known)
	switch {
	case here != "":
		a.State, a.Goal.Symbol = "renamed", here
		w.judge(&a)
		a.Got = "" // the old name has no value
		a.Note += fmt.Sprintf(", and is %s", w.value(here))
		if !a.Met {
			a.Why = w.Refused(here, a.Goal.Value)
		}
	case a.Wanted == "n":
		a.Met, a.Note = true, a.Note+", so it is off"
	default:
		a.State = "unknown"
	}
	return a
}

// judge compares the value of the goal's symbol with the wanted one.
func (w *ConfigState) judge(a *Answer) {
	s := w.symbols[a.Goal.Symbol]
	a.Got = w.value(s.Name)
	switch {
	case !isBool(s) && a.Wanted == "":
		a.Met = w.Values[s.Name].Written
	case !isBool(s):
		a.Met = sameNumber(unquote(a.Wanted), a.Got)
	case a.Wanted == "":
		a.Met, a.Goal.Value = w.tri(s.Name) > kconf.No, "y"
		if s.Type == "tristate" && w.tri("MODULES") == kconf.Yes {
			a.Goal.Value = "m"
		}
	case a.Wanted == "m":
		a.Met = w.tri(s.Name) > kconf.No
		if a.Got == "y" {
			a.Note = "built in, which meets m"
		}
	default:
		a.Met = a.Got == a.Wanted
		if a.Wanted == "y" && a.Got == "m" {
			a.Note = "it is a module, and wanted built in"
		}
	}
	if line, ok := w.line(s.Name); ok && !sameNumber(unquote(line.Value), a.Got) {
		a.Note = strings.TrimPrefix(a.Note+fmt.Sprintf("; %s has %s, which this kernel's Kconfig changes to %s", place(line.Fragment, line.Line), line.Value, a.Got), "; ")
	}
}

// maxSought is the number of symbols for which a way is sought separately.
const maxSought = 20

// SeekAll seeks a way for each unmet answer, and returns one for all that are possible
// together.
func (w *ConfigState) SeekAll(answers []Answer, progress func(symbol string)) (Way, error) {
	var goals []kconfigs.Setting
	for i := range answers {
		a := &answers[i]
		if a.Met || a.State == "unknown" {
			continue
		}
		if !w.Possible(a.Goal) {
			a.Way = &Way{Never: true}
			continue
		}
		goals = append(goals, a.Goal)
		if len(goals) > maxSought {
			continue
		}
		progress(a.Goal.Symbol)
		way, err := w.Way(a.Goal)
		if err != nil {
			a.Why = strings.Trim(a.Why+"; "+err.Error(), "; ")
			goals = slices.Delete(goals, len(goals)-1, len(goals))
			continue
		}
		a.Way = &way
	}
	if len(goals) == 0 {
		return Way{}, nil
	}
	progress("all together")
	way, err := w.Way(goals...)
	if err != nil {
		return Way{Note: "no list found for all of them together: " + err.Error()}, nil
	}
	return way, nil
}
