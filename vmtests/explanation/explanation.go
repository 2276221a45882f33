// Package explanation explains kernel symbols from two sources: the kernel's own Kconfig code, and
// the findings expected of the probes. It runs on the host, and builds and boots nothing.
package explanation

import (
	"context"
	"fmt"
	"io"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
)

// Options say what to explain.
type Options struct {
	// Args are symbols, or symptoms of missing ones.
	Args []string
	// Request is the kernel whose values are explained; without one there are no values.
	Request *kconfigs.Request
	// Against, if set, is the profile whose probes are compared with the symbols.
	Against string
	// Check makes Kconfig switch everything on, with and without each symbol.
	Check bool
	// Expected returns the findings expected of a profile on a kernel series.
	Expected func(series, profile string) ([]wire.Finding, error)
	// Builder returns the builder whose source is used. It is called once the other options are
	// known to be valid.
	Builder func() (*kbuild.Builder, error)
}

// Explanation explains one symbol.
type Explanation struct {
	explain.Explanation
	// Symptoms are the given symptoms that the symbol explains.
	Symptoms []kconfigcheck.Symptom   `json:"symptoms,omitempty"`
	Against  *kconfigcheck.Comparison `json:"against,omitempty"`
}

// List has one explanation per symbol, in the order of the arguments.
type List []Explanation

// Explain explains each symbol.
func Explain(ctx context.Context, o Options) (List, error) {
	q, err := o.question()
	if err != nil {
		return nil, err
	}
	b, err := o.Builder()
	if err != nil {
		return nil, err
	}
	s, err := q.open(ctx, b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	names, values, err := s.state.Resolve(q.args)
	if err != nil {
		return nil, err
	}
	all := make(List, len(names))
	for i, name := range names {
		if all[i], err = s.explain(ctx, name, values[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Write writes the explanations for people.
func (l List) Write(w io.Writer) error {
	said := map[string]bool{}
	for i, e := range l {
		if i > 0 {
			fmt.Fprintln(w)
		}
		for _, s := range e.Symptoms {
			if !said[s.Text] {
				fmt.Fprintf(w, "%s\n", s)
				said[s.Text] = true
			}
		}
		err := e.Explanation.Write(w)
		if err == nil && e.Against != nil {
			err = e.Against.Write(w, e.Symbol)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
