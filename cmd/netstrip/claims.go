package main

import (
	"errors"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/spf13/cobra"
)

func (a *app) claimsCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:  "claims [CLAIM]",
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
			all, err := claims.All()
			var ids []string
			for _, c := range all {
				if err == nil && len(args) == 0 && strings.HasPrefix(c.ID, begin) {
					ids = append(ids, cobra.CompletionWithDesc(c.ID, c.Text))
				}
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.claims(f, args) },
	}
	f.add(c, "json", "results", "markdown")
	return c
}

func (a *app) claims(f *flags, args []string) error {
	all, err := claims.All()
	if err != nil {
		return err
	}
	records, err := a.results(f).Load(record.Latest)
	if err != nil {
		return err
	}
	entries := []claims.Entry{}
	var ids []string
	for _, c := range all {
		ids = append(ids, c.ID)
		if len(args) > 0 && args[0] != c.ID {
			continue
		}
		entries = append(entries, claims.Decide(c, records))
		if len(args) > 0 && !f.json {
			return claims.Show(a.stdout, c, entries[0])
		}
	}
	switch {
	case len(entries) == 0:
		return usage.Error{Err: errors.New("no such claim: " + args[0] + "; the claims are " + strings.Join(ids, ", "))}
	case f.json, f.markdown:
		return claims.Table(entries).Write(a.stdout, f.format())
	}
	return claims.Write(a.stdout, entries)
}
