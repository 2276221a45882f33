package explanation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Check compares a kernel, which need not be built, with a list of wanted symbols.
func Check(ctx context.Context, b *kbuild.Builder, req kconfigs.Request, wanted []explain.Wanted) (l explain.List, err error) {
	k, err := b.Kconf(ctx)
	if err != nil {
		return l, err
	}
	defer k.Close()
	w, err := b.ConfigState(ctx, k, req)
	if err != nil {
		return l, err
	}
	return w.List(req.Profile, b.Source.Series(), wanted, func(symbol string) { b.Progress.State("seeking what %s takes", symbol) })
}

// Checks compare several kernels with a list of wanted symbols.
type Checks struct {
	Kernels []Kernel `json:"kernels"`
	// Lists are in the order of the kernels; null where a kernel has no answers.
	Lists []*explain.List `json:"lists"`

	config string
	wanted []explain.Wanted
}

// CheckSeveral is Check for several kernels. The error lists those that could not be asked; the
// answers of the others are returned with it.
func CheckSeveral(ctx context.Context, req kconfigs.Request, wanted []explain.Wanted, kernels []Kernel) (*Checks, error) {
	all := &Checks{Kernels: kernels, Lists: make([]*explain.List, len(kernels)), config: req.Profile, wanted: wanted}
	var failed []error
	for i := range kernels {
		b, err := kernels[i].Builder()
		if err == nil {
			var l explain.List
			if l, err = Check(ctx, b, req, wanted); err == nil {
				all.Lists[i] = &l
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = append(failed, kernels[i].failed(err))
		}
	}
	if len(failed) == len(kernels) {
		all = nil
	}
	return all, errors.Join(failed...)
}

// Missing names the kernels that lack wanted symbols.
func (c *Checks) Missing() (names []string) {
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
