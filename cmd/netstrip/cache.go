package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/units"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/spf13/cobra"
)

func (a *app) cacheCommand() *cobra.Command {
	f, l, dry, fix := &flags{}, cache.Limits{}, false, false
	sub := func(use string, run func(context.Context, *cache.Cache) error, names ...string) *cobra.Command {
		c := command(use, nil, func(ctx context.Context, _ []string) error {
			c, err := a.openCache(f.cache)
			if err != nil {
				return err
			}
			return run(ctx, c)
		})
		f.add(c, append(names, "cache")...)
		return c
	}
	list := sub("ls", func(ctx context.Context, c *cache.Cache) error { return a.cacheList(ctx, f, c) }, "json")
	prune := sub("prune", func(ctx context.Context, c *cache.Cache) error {
		return a.lines(kbuild.Prune(ctx, c, l, dry, a.progress))
	})
	verify := sub("verify", func(ctx context.Context, c *cache.Cache) error { return a.cacheVerify(ctx, f, c, fix) }, "json")
	addLimits(prune, &l.MaxBytes, "keep at most this `SIZE`", &l.OlderThan, "remove what has not been used for this `AGE`", &dry)
	prune.Flags().BoolVar(&l.All, "all", false, "remove everything")
	verify.Flags().BoolVar(&fix, "fix", false, "remove what is damaged")
	out, sum := "", ""
	export := command("export [KERNEL...]", completeProfiles, func(ctx context.Context, names []string) error {
		return a.cacheExport(ctx, f.cache, out, names)
	})
	add := command("import FILE", first(cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)), func(ctx context.Context, files []string) error {
		c, err := a.openCache(f.cache)
		if err != nil {
			return err
		}
		in, err := file.Open(files[0])
		if err != nil {
			return usage.Error{Err: err}
		}
		defer in.Close()
		return a.lines(kbuild.Import(ctx, c, in, sum))
	})
	f.add(export, "cache")
	f.add(add, "cache")
	export.Flags().StringVarP(&out, "out", "o", "", "`FILE` to write, which is replaced")
	_ = export.MarkFlagRequired("out") // fails only if there is no such flag
	add.Flags().StringVar(&sum, "sha256", "", "`HASH` that the file must have, which export printed")
	add.Args = cobra.ExactArgs(1)
	c := &cobra.Command{Use: "cache"}
	c.AddCommand(list, prune, verify, export, add)
	return c
}

// cacheExport writes kernels to a file, which is replaced once it is whole.
func (a *app) cacheExport(ctx context.Context, dir, out string, names []string) error {
	c, err := a.openCache(dir)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(out), ".netstrip-tmp-*")
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	defer os.Remove(tmp.Name()) // unless it was renamed
	defer tmp.Close()
	lines, sum, err := kbuild.Export(ctx, c, tmp, names...)
	if err == nil {
		err = errors.Join(tmp.Chmod(0o644), tmp.Sync(), os.Rename(tmp.Name(), out))
	}
	return a.lines(append(lines, sum+"  "+out), err)
}

// addLimits adds the flags of a command that removes what exceeds limits.
func addLimits(c *cobra.Command, size *int64, sizeUsage string, age *time.Duration, ageUsage string, dry *bool) {
	c.Flags().Func("max-size", sizeUsage+": 500M, 2.5GiB (powers of 1024)", func(text string) error { return units.ParseBytes(size, text) })
	c.Flags().Func("older-than", ageUsage+": 30d, 12h", func(text string) error { return units.ParseAge(age, text) })
	c.Flags().BoolVar(dry, "dry-run", false, "only print what would be removed")
}

func (a *app) openCache(dir string) (*cache.Cache, error) {
	// A wrong name must not make a cache that is empty, and all would seem well.
	if info, err := os.Stat(dir); dir != "" && (err != nil || !info.IsDir()) {
		return nil, usage.Errorf("--cache %s: no such directory", dir)
	}
	c, err := cache.Open(dir)
	if err == nil {
		a.progress = progress.New(a.stderr)
		c.OnWait = func(what string) { a.progress.Line("waiting for another netstrip that uses %s", what) }
	}
	return c, err
}

func (a *app) cacheList(ctx context.Context, f *flags, c *cache.Cache) error {
	entries, total, err := kbuild.Inventory(ctx, c)
	if err != nil {
		return err
	}
	t := rows(entries, kbuild.Entry.Cells, "SIZE", "LAST USED", "ENTRY", "WHAT IT IS")
	t.Add(units.Bytes(total), "", "", "in "+c.Dir)
	return t.Write(a.stdout, f.format())
}

// lines writes lines, even those before an error.
func (a *app) lines(lines []string, err error) error {
	for _, line := range lines {
		if _, werr := fmt.Fprintln(a.stdout, report.Escape(line, 1000)); err == nil {
			err = werr
		}
	}
	return err
}

func (a *app) cacheVerify(ctx context.Context, f *flags, c *cache.Cache, fix bool) error {
	found, err := kbuild.Verify(ctx, c, fix, a.progress, func(line string) {
		if !f.json {
			fmt.Fprintln(a.stdout, report.Escape(line, 1000))
		}
	})
	if err == nil {
		err = a.write(f, found)
	}
	if n := found.Count("damaged"); n > 0 && err == nil {
		return differsError{fmt.Errorf("damaged entries in the cache: %d; netstrip cache verify --fix removes what is damaged", n)}
	}
	return err
}
