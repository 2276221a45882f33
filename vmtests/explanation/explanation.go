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
	"github.com/netstrip/netstrip/kconfigs/source"
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
	// Cache is the cache directory, empty for the user's. Source is the kernel source, in which Series
	// and Arch may be lists with commas: every combination is asked.
	Cache  string
	Source source.Options
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

// Result is a List or, for several kernels, Several.
type Result interface{ Write(io.Writer) error }

// Explain explains each symbol. If only some of several kernels could be asked, their answers are
// returned with the error. It returns as soon as ctx ends.
func Explain(ctx context.Context, o Options) (found Result, err error) {
	return soon(ctx, func() (Result, error) { return explanations(ctx, o) })
}

// soon returns the results of work, or the error of ctx as soon as that ends. Work may notice it
// seconds later: it reads the 20,000 symbols of a kernel without looking at ctx. The programs that it
// has started end with ctx or with netstrip.
func soon[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type results struct {
		found T
		err   error
	}
	done := make(chan results, 1)
	go func() {
		found, err := work()
		done <- results{found, err}
	}()
	select {
	case r := <-done:
		return r.found, r.err
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
}

func explanations(ctx context.Context, o Options) (Result, error) {
	q, err := o.question()
	if err != nil {
		return nil, err
	}
	kernels, err := o.kernels()
	if err != nil {
		return nil, err
	}
	if len(kernels) > 1 {
		all, err := explainSeveral(ctx, q, kernels)
		if all == nil {
			return nil, err
		}
		return all, err
	}
	b, err := kernels[0].open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := q.explain(ctx, b)
	if err != nil {
		return nil, err
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
