package main

import (
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/appreport"
	"github.com/netstrip/netstrip/vmtests/studies"
	"github.com/spf13/cobra"
)

func (a *app) appsAgainstCommand() *cobra.Command {
	f := &appsAsked{}
	c := &cobra.Command{
		Use: "against STUDY",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(studies.Studies(), args[0]) {
				return usage.Errorf("apps against takes one study: %s", strings.Join(studies.Studies(), " or "))
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeList(studies.Studies(), begin)
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.appsAgainst(f, args[0]) },
	}
	f.add(c, "json", "results", "markdown")
	return c
}

func (a *app) appsAgainst(f *appsAsked, study string) error {
	records, err := a.results(&f.flags).Load(appreport.Asked)
	if err != nil {
		return err
	}
	if records = appreport.Answered(records); len(records) == 0 {
		return usage.Errorf("no records of applications in %s; netstrip apps adds some", f.results)
	}
	c, err := studies.Against(study, records)
	if err != nil {
		return err
	}
	return c.Table().Write(a.stdout, f.format())
}
