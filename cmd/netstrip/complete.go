package main

import (
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/spf13/cobra"
)

// among completes with those of some words that begin so; a tab separates a word from what it is.
func among(begin string, words ...string) ([]string, cobra.ShellCompDirective) {
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, begin) }), cobra.ShellCompDirectiveNoFileComp
}

// described returns words and what each of them is.
func described[T any](list []T, describe func(T) (word, about string)) (words []string) {
	for _, one := range list {
		words = append(words, cobra.CompletionWithDesc(describe(one)))
	}
	return words
}

func completeCommands(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	subs := slices.DeleteFunc(slices.Clone(c.Root().Commands()), func(sub *cobra.Command) bool { return len(args) > 0 || !sub.IsAvailableCommand() })
	return among(begin, described(subs, func(sub *cobra.Command) (string, string) { return sub.Name(), sub.Short })...)
}

func completeProfiles(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	return among(begin, described(kconfigs.Profiles(), func(p kconfigs.Profile) (string, string) { return p.Name, p.Hypothesis })...)
}

func completeClaims(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	all, err := claims.All()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return among(begin, described(all, func(c claims.Claim) (string, string) { return c.ID, c.Text })...)
}

// completeSymbols completes what it can in a second, once a kernel has been built: to
// unpack the source and compile its Kconfig code takes longer than a person waits for.
func (f *flags) completeSymbols(c *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	o := f.source()
	o.Series, _, _ = strings.Cut(o.Series, ",")
	o.Arch, _, _ = strings.Cut(o.Arch, ",")
	return among(strings.ToUpper(begin), kbuild.Symbols(c.Context(), f.cache, o)...)
}

// completeRecords completes show's arguments: first profiles, runs and record IDs, then the
// probes of the record chosen.
func (f *flags) completeRecords(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	return among(begin, results.Results{Path: f.results}.Words(args...)...)
}

// completeProbes completes the last of a list of IDs.
func completeProbes(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	return list(func() []string { ids, _ := apps.ProbeIDs(); return ids })(nil, nil, begin)
}
