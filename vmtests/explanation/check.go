package explanation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Check compares kernels, which need not be built, with a list of wanted symbols. missing says what
// is missing; it is empty if nothing is. If only some of several kernels could be asked, their answers
// are returned with the error. It returns as soon as ctx ends.
func Check(ctx context.Context, o Options, req kconfigs.Request, wanted []explain.Wanted) (found Result, missing string, err error) {
	kernels, err := o.kernels()
	if err != nil {
		return nil, "", err
	}
	if len(kernels) == 1 {
		l, err := soon(ctx, func() (explain.List, error) { return check(ctx, kernels[0], req, wanted) })
		if err != nil {
			return nil, "", err
		}
		if l.Missing > 0 {
			missing = fmt.Sprintf("%d of %d wanted symbols are missing in %s", l.Missing, len(wanted), req.Profile)
		}
		return l, missing, nil
	}
	all, err := soon(ctx, func() (*Checks, error) { return checkSeveral(ctx, req, wanted, kernels) })
	if all == nil {
		return nil, "", err
	}
	if names := all.missing(); names != nil {
		missing = fmt.Sprintf("wanted symbols are missing in %s on %s", req.Profile, strings.Join(names, ", "))
	}
	return all, missing, err
}

// check compares one kernel.
func check(ctx context.Context, kernel Kernel, req kconfigs.Request, wanted []explain.Wanted) (l explain.List, err error) {
	b, err := kernel.open(ctx)
	if err != nil {
		return l, err
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return l, err
	}
	defer k.Close()
	if err := b.CheckRequest(ctx, k, req); err != nil {
		return l, err
	}
	w, err := b.ConfigState(ctx, k, req)
	if err != nil {
		return l, err
	}
	return w.List(req.Profile, b.Source.Series(), wanted, func(symbol string) { b.Progress.State("finding what %s needs", symbol) })
}

// Checks compare several kernels with a list of wanted symbols.
type Checks struct {
	Kernels []Kernel `json:"kernels"`
	// Lists are in the order of the kernels; null where a kernel has no answers.
	Lists []*explain.List `json:"lists"`

	config string
	wanted []explain.Wanted
}

// checkSeveral is Check for several kernels. The error lists those that could not be asked; the
// answers of the others are returned with it.
func checkSeveral(ctx context.Context, req kconfigs.Request, wanted []explain.Wanted, kernels []Kernel) (*Checks, error) {
	all := &Checks{Kernels: kernels, Lists: make([]*explain.List, len(kernels)), config: req.Profile, wanted: wanted}
	var failed []error
	for i := range kernels {
		l, err := check(ctx, kernels[i], req, wanted)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = append(failed, kernels[i].failed(err))
			continue
		}
		all.Lists[i] = &l
	}
	if len(failed) == len(kernels) {
		all = nil
	}
	return all, errors.Join(failed...)
}

// missing names the kernels that lack wanted symbols.
func (c *Checks) missing() (names []string) {
	for i, l := range c.Lists {
		if l != nil && l.Missing > 0 {
			names = append(names, c.Kernels[i].Name)
		}
	}
	return names
}

// Write writes the lists next to each other as wide as the terminal.
func (c *Checks) Write(w io.Writer) error {
	out := sheet{title: fmt.Sprintf("%d wanted symbols in %s", len(c.wanted), c.config)}
	there, add := row{label: "there", cells: make([][]string, len(c.Lists))}, row{label: "to add", cells: make([][]string, len(c.Lists))}
	for i, l := range c.Lists {
		out.heads, out.none = append(out.heads, c.Kernels[i].Name), append(out.none, c.Kernels[i].Error)
		if l != nil {
			there.cells[i] = []string{fmt.Sprintf("%d of %d", len(l.Answers)-l.Missing, len(l.Answers))}
			add.cells[i] = append(append(add.cells[i], l.Together.Add...), nonEmpty(l.Together.Note)...)
		}
	}
	out.rows = append(out.rows, there)
	for n, want := range c.wanted {
		r := row{label: want.Symbol}
		for _, l := range c.Lists {
			var cell []string
			if l != nil {
				cell = []string{l.Answers[n].State + l.Answers[n].String()}
			}
			r.cells = append(r.cells, cell)
		}
		out.rows = append(out.rows, r)
	}
	out.rows = append(out.rows, add)
	var b strings.Builder
	out.write(&b, table.Terminal(w).Width)
	_, err := io.WriteString(w, b.String())
	return err
}
