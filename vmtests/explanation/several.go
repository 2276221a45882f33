package explanation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/vmtests/table"
)

// Several are the explanations of several kernels.
type Several struct {
	Kernels []Kernel `json:"kernels"`
	Symbols []Symbol `json:"symbols"`
}

// Symbol is one symbol in several kernels, which are in the order of Several.Kernels.
type Symbol struct {
	Symbol string `json:"symbol"`
	// Differ names the properties in which the kernels that have the symbol differ, apart from the
	// line numbers of Kconfig files.
	Differ []string `json:"differ"`
	// Answers are the kernels' explanations; null where a kernel has no answers or no such symbol.
	Answers []*Explanation `json:"answers"`
	// Absent is why a kernel does not have the symbol; empty where it has.
	Absent []string `json:"absent"`

	unknown error // what the first kernel without it says
}

// explainSeveral explains each symbol for several kernels. The error lists the kernels that could
// not be asked; the answers of the others are returned with it.
func explainSeveral(ctx context.Context, q question, kernels []Kernel) (*Several, error) {
	all := &Several{Kernels: kernels}
	for _, arg := range q.args {
		all.Symbols = append(all.Symbols, Symbol{Symbol: arg, Answers: make([]*Explanation, len(kernels)), Absent: make([]string, len(kernels))})
	}
	var failed, unknown []error
	for i := range kernels {
		err := all.ask(ctx, q, i)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			all.clear(i)
			failed = append(failed, kernels[i].failed(err))
		}
	}
	if len(failed) == len(kernels) {
		return nil, errors.Join(failed...)
	}
	for i := range all.Symbols {
		s := &all.Symbols[i]
		if !slices.ContainsFunc(s.Answers, func(e *Explanation) bool { return e != nil }) {
			unknown = append(unknown, s.unknown)
		}
		s.Differ = all.sheet(s).differing()
	}
	if unknown != nil {
		return nil, errors.Join(unknown...)
	}
	return all, errors.Join(failed...)
}

// ask adds the answers of one kernel.
func (a *Several) ask(ctx context.Context, q question, i int) error {
	b, err := a.Kernels[i].open(ctx)
	if err != nil {
		return err
	}
	s, err := q.open(ctx, b)
	if err != nil {
		return err
	}
	defer s.close()
	for n, arg := range q.args {
		to := &a.Symbols[n]
		name, value, err := s.state.Lookup(arg)
		if err != nil {
			return err
		}
		if !s.state.Has(name) {
			to.Absent[i] = s.state.Absent(name)
			if to.unknown == nil {
				_, _, to.unknown = s.state.Resolve(q.args[n : n+1])
			}
			continue
		}
		e, err := s.explain(ctx, name, value)
		if err != nil {
			return err
		}
		to.Symbol, to.Answers[i] = name, &e
	}
	return nil
}

// clear removes the answers of a kernel that could not answer everything.
func (a *Several) clear(i int) {
	for n := range a.Symbols {
		a.Symbols[n].Answers[i], a.Symbols[n].Absent[i] = nil, ""
	}
}

// Write writes the explanations next to each other as wide as the terminal.
func (a *Several) Write(w io.Writer) error {
	var b strings.Builder
	said := map[string]bool{}
	for i := range a.Symbols {
		if i > 0 {
			b.WriteString("\n")
		}
		for _, e := range a.Symbols[i].Answers {
			if e == nil {
				continue
			}
			for _, symptom := range e.Symptoms {
				if !said[symptom.Text] {
					fmt.Fprintf(&b, "%s\n", symptom)
					said[symptom.Text] = true
				}
			}
		}
		a.sheet(&a.Symbols[i]).write(&b, table.Terminal(w).Width)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// help returns the help text if all kernels with the symbol have the same.
func help(all []*Explanation) string {
	text := ""
	for _, e := range all {
		switch {
		case e == nil:
		case text != "" && text != e.Help:
			return ""
		default:
			text = e.Help
		}
	}
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		b.WriteString(strings.TrimRight("    "+line, " \n") + "\n")
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + b.String()
}

// sheet returns what the kernels say about a symbol.
func (a *Several) sheet(s *Symbol) sheet {
	out := sheet{title: s.Symbol, rows: rows(s.Answers), foot: help(s.Answers)}
	for i, k := range a.Kernels {
		out.heads = append(out.heads, k.Name)
		out.none = append(out.none, k.Error+s.Absent[i])
		if e := s.Answers[i]; e != nil && e.Config != "" {
			out.title = s.Symbol + " in " + e.Config
		}
	}
	return out
}
