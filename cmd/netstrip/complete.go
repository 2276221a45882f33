package main

import (
	"context"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/spf13/cobra"
)

func completeCommands(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, sub := range c.Root().Commands() {
		if len(args) == 0 && sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), begin) {
			names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func completeProfiles(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, p := range kconfigs.Profiles() {
		if strings.HasPrefix(p.Name, begin) {
			names = append(names, cobra.CompletionWithDesc(p.Name, p.Hypothesis))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// probeIDs returns the IDs of all probes: those of the catalogue, and netstrip's applications.
func probeIDs() ([]string, error) {
	var ids []string
	for _, p := range wire.Probes() {
		ids = append(ids, p.ID)
	}
	list, err := apps.Load(context.Background(), "")
	for _, a := range apps.Wire(list) {
		ids = append(ids, a.ID)
	}
	return ids, err
}

// completeProbes completes the last of a list of IDs.
func completeProbes(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	ids, _ := probeIDs()
	return completeList(ids, begin)
}

// completedBytes is how much of the end of a results file completion reads: some hundred
// boots, in less time than a person notices.
const completedBytes = 2 << 20

// completeRecords completes show's arguments from the end of the results file: first
// profiles, runs and record IDs, then the probes of the record chosen.
func (f *flags) completeRecords(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	records, err := record.Store{Path: f.results}.Recent(completedBytes)
	if err != nil || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	add := func(word, about string) {
		// A line break or an escape from a guest must not reach the shell.
		if strings.HasPrefix(word, begin) && report.Escape(word, len(word)) == word {
			words = append(words, cobra.CompletionWithDesc(word, about))
		}
	}
	if len(args) == 1 {
		if found := record.Find(records, args[0]); len(found) > 0 {
			for _, id := range report.Probes(found[0]) {
				add(id, "")
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	for _, r := range record.Latest(records) {
		add(r.Profile, "its latest record, "+string(r.Outcome))
	}
	for _, run := range record.ByRun(records) {
		add(run[0].Run, "a run")
	}
	for _, r := range records {
		add(r.ID, string(r.Outcome))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
