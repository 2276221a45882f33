package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

// checking is what the command check was asked.
type checking struct {
	flags
	configured
	want string
}

// checked is what check found.
type checked struct {
	Config string `json:"config"`
	Series string `json:"series"`
	// Missing counts the answers that are not met.
	Missing int              `json:"missing"`
	Answers []explain.Answer `json:"answers"`
	// Together is what to add for all that can be had.
	Together explain.Way `json:"together"`
}

func (a *app) checkCommand() *cobra.Command {
	f := &checking{}
	c := &cobra.Command{
		Use:  "check --want FILE [--config FILE | --profile PROFILE]",
		RunE: func(c *cobra.Command, _ []string) error { return a.check(c.Context(), f) },
	}
	f.addJSON(c)
	f.addCache(c)
	f.addSource(c)
	f.configured.add(c, &f.flags)
	c.Flags().StringVar(&f.want, "want", "", "`FILE` that lists the wanted symbols")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "show no progress")
	return c
}

func (a *app) check(ctx context.Context, f *checking) error {
	switch {
	case f.want == "":
		return usagef("check takes --want FILE, a list of wanted symbols; netstrip check --help has examples")
	case !f.given():
		return usagef("check takes a config: --config FILE or --profile PROFILE")
	}
	wanted, err := explain.ReadWanted(f.want)
	if err != nil {
		return err
	}
	req, err := f.request(&f.flags)
	if err != nil {
		return err
	}
	b, err := a.builder(ctx, &f.flags)
	if err != nil {
		return err
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	w, err := b.World(ctx, k, req)
	if err != nil {
		return err
	}
	found := checked{Config: req.Profile, Series: b.Source.Series()}
	for _, want := range wanted {
		answer := w.Answer(want)
		if !answer.Met {
			found.Missing++
		}
		found.Answers = append(found.Answers, answer)
	}
	found.Together, err = w.SeekAll(found.Answers, func(symbol string) { a.progress.State("seeking what %s takes", symbol) })
	if err != nil {
		return err
	}
	a.progress.Clear()
	if f.json {
		err = table.JSON(a.stdout, found)
	} else {
		err = found.write(a.stdout)
	}
	if err == nil && found.Missing > 0 {
		err = differsError{fmt.Errorf("%d of %d wanted symbols are missing in %s", found.Missing, len(wanted), req.Profile)}
	}
	return err
}

// write writes it for people: what is there in short, then each that is not.
func (c checked) write(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on Linux %s: %d of %d wanted symbols are there\n", c.Config, c.Series, len(c.Answers)-c.Missing, len(c.Answers))
	for _, a := range c.Answers {
		wanted := a.Wanted
		if wanted == "" {
			wanted = "it on"
		}
		text := fmt.Sprintf("%-8s %s:%d: %s", a.State, a.File, a.Line, a.Symbol)
		switch {
		case a.Met && a.Got != "":
			text += "=" + a.Got
		case a.Got != "":
			text += ": wanted " + wanted + ", got " + a.Got
		}
		why := a.Why
		if a.Way != nil {
			why = a.Way.After(why)
		}
		for _, part := range []string{a.Note, why} {
			if part != "" {
				text += ": " + part
			}
		}
		fmt.Fprintln(&b, text)
	}
	if len(c.Together.Add) > 0 && c.Missing > 1 {
		fmt.Fprintf(&b, "\nfor everything that is available:\n    %s\n", strings.Join(c.Together.Add, "\n    "))
	}
	if c.Together.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Together.Note)
	}
	for _, place := range c.Together.Against {
		fmt.Fprintf(&b, "    not while %s\n", place)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
