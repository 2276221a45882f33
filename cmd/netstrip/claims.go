package main

import (
	"context"

	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/spf13/cobra"
)

func (a *app) claimsCommand() *cobra.Command {
	f := &flags{}
	c := command("claims [CLAIM]", completeClaims, func(_ context.Context, args []string) error {
		records, err := a.results(f).Load(record.Latest)
		if err != nil {
			return err
		}
		entries, err := claims.Decided(records, args...)
		switch {
		case err != nil:
			return err
		case len(args) > 0 && !f.json:
			return entries[0].Write(a.stdout)
		case f.json, f.markdown != "":
			return claims.Table(entries).Write(a.stdout, f.format())
		}
		return claims.Write(a.stdout, entries)
	})
	c.Args = cobra.MaximumNArgs(1)
	f.add(c, "json", "results", "markdown")
	return c
}
