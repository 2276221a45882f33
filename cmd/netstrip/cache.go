package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) cacheCommand() *cobra.Command {
	c := &cobra.Command{Use: "cache"}
	c.AddCommand(a.cacheListCommand(), a.cachePruneCommand(), a.cacheVerifyCommand())
	return c
}

// cacheSubcommand is what the three have in common.
func (a *app) cacheSubcommand(c *cobra.Command, run func(context.Context, *flags, *cache.Cache) error) (*cobra.Command, *flags) {
	f := &flags{}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		// A wrong name must not make a cache that is empty, and all would seem well.
		if info, err := os.Stat(f.cache); f.cache != "" && (err != nil || !info.IsDir()) {
			return usage.Errorf("--cache %s: no such directory", f.cache)
		}
		opened, err := cache.Open(f.cache)
		if err != nil {
			return err
		}
		a.progress = progress.New(a.stderr)
		opened.OnWait = func(what string) { a.progress.Line("waiting for another netstrip that uses %s", what) }
		return run(cmd.Context(), f, opened)
	}
	f.add(c, "cache")
	return c, f
}

func (a *app) cacheListCommand() *cobra.Command {
	c, f := a.cacheSubcommand(&cobra.Command{Use: "ls"}, a.cacheList)
	f.add(c, "json")
	return c
}

// minutes is how the time of a last use is shown.
const minutes = "2006-01-02 15:04"

// cached is an entry as JSON.
type cached struct {
	cache.Entry
	About string `json:"about"`
}

func (a *app) cacheList(ctx context.Context, f *flags, c *cache.Cache) error {
	entries, err := c.List(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, func(a, b cache.Entry) int { return cmp.Compare(b.Bytes, a.Bytes) })
	list := make([]cached, len(entries))
	for i, e := range entries {
		list[i] = cached{e, about(e)}
	}
	t := table.Table{Head: []string{"SIZE", "LAST USED", "ENTRY", "WHAT IT IS"}, Value: list}
	var total int64
	for _, e := range list {
		total += e.Bytes
		if e.LeadsTo != "" {
			continue // what it says stands with the entry it leads to
		}
		used := e.Used.Format(minutes)
		if e.Holder != 0 {
			used = fmt.Sprintf("now, by %d", e.Holder)
		}
		t.Add(bytesText(e.Bytes), used, shortName(e.Entry), e.About)
	}
	t.Add(bytesText(total), "", "", "in "+c.Dir)
	return t.Write(a.stdout, f.format())
}

// shortName is enough of an entry's path to find it by.
func shortName(e cache.Entry) string {
	cut := regexp.MustCompile(`([0-9a-f]{12})[0-9a-f]+$`)
	return report.Escape(e.Kind+"/"+cut.ReplaceAllString(e.Key, "$1"), 100)
}

// about says what an entry is.
func about(e cache.Entry) string { return report.Escape(kbuild.About(e), 200) }

func (a *app) cachePruneCommand() *cobra.Command {
	var l cache.Limits
	var dry bool
	c, _ := a.cacheSubcommand(&cobra.Command{Use: "prune"}, func(ctx context.Context, _ *flags, c *cache.Cache) error {
		if l.All && (l.MaxBytes > 0 || l.OlderThan > 0) {
			return usage.Errorf("--all excludes --max-size and --older-than")
		}
		return a.cachePrune(ctx, c, l, dry)
	})
	c.Flags().Var((*sizeFlag)(&l.MaxBytes), "max-size", "keep at most this `SIZE`: 500M, 2.5GiB (powers of 1024)")
	c.Flags().Var((*ageFlag)(&l.OlderThan), "older-than", "remove what has not been used for this `AGE`: 30d, 12h")
	c.Flags().BoolVar(&l.All, "all", false, "remove everything")
	c.Flags().BoolVar(&dry, "dry-run", false, "only print what would be removed")
	return c
}

func (a *app) cachePrune(ctx context.Context, c *cache.Cache, l cache.Limits, dry bool) error {
	entries, err := c.List(ctx)
	if err != nil {
		return err
	}
	p := cache.Plan(entries, l, time.Now())
	lines := map[string]string{} // what is gone can no longer be asked
	for _, e := range slices.Concat(p.Gone, p.InUse) {
		lines[e.Path] = fmt.Sprintf("%s: %s, %s, used %s", shortName(e), about(e), bytesText(e.Bytes), e.Used.Format(minutes))
	}
	did := "would remove"
	if !dry {
		did = "removed"
		a.progress.Line("removing %d entries", len(p.Gone)) // 80,000 files take a slow disk minutes
		p, err = c.Prune(ctx, p)
	}
	var freed int64
	for _, e := range p.Gone {
		freed += e.Bytes
		if lines[e.LeadsTo] == "" { // an index goes with what it leads to
			fmt.Fprintf(a.stdout, "%s %s\n", did, lines[e.Path])
		}
	}
	for _, e := range p.InUse {
		by := "another netstrip"
		if e.Holder != 0 {
			by = fmt.Sprintf("process %d", e.Holder)
		}
		fmt.Fprintf(a.stdout, "kept %s; in use by %s\n", lines[e.Path], by)
	}
	if err != nil {
		return fmt.Errorf("pruning the cache: %w", err)
	}
	_, err = fmt.Fprintf(a.stdout, "%s %s, leaving %s\n", did, bytesText(freed), bytesText(p.Left))
	return err
}

func (a *app) cacheVerifyCommand() *cobra.Command {
	fix := false
	c, f := a.cacheSubcommand(&cobra.Command{Use: "verify"}, func(ctx context.Context, f *flags, c *cache.Cache) error { return a.cacheVerify(ctx, f, c, fix) })
	f.add(c, "json")
	c.Flags().BoolVar(&fix, "fix", false, "remove what is damaged")
	return c
}

func (a *app) cacheVerify(ctx context.Context, f *flags, c *cache.Cache, fix bool) error {
	count := map[string]int{}
	list, err := kbuild.Verify(ctx, c, fix, func(v kbuild.Verified, done bool) {
		switch {
		case !done:
			a.progress.State("verifying %s: %s", shortName(v.Entry), about(v.Entry))
		case v.Why != "" && !f.json:
			fmt.Fprintf(a.stdout, "%s %s: %s: %s\n", v.State, shortName(v.Entry), about(v.Entry), report.Escape(v.Why, 500))
		}
		count[v.State]++
	})
	if err != nil {
		return err
	}
	a.progress.Clear()
	if f.json {
		err = table.JSON(a.stdout, list)
	} else {
		_, err = fmt.Fprintf(a.stdout, "%d whole, %d damaged, %d removed, %d unchecked\n",
			count["whole"], count["damaged"], count["removed"], count["unchecked"])
	}
	if n := count["damaged"]; n > 0 && err == nil {
		return differsError{fmt.Errorf("damaged entries in the cache: %d; netstrip cache verify --fix removes what is damaged", n)}
	}
	return err
}
