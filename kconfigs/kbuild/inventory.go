package kbuild

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/units"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Entry is an entry of the cache with its description.
type Entry struct {
	cache.Entry
	About string `json:"about"`
}

// name returns enough of an entry's path to find it.
func name(e cache.Entry) string {
	return e.Kind + "/" + regexp.MustCompile(`([0-9a-f]{12})[0-9a-f]+$`).ReplaceAllString(e.Key, "$1")
}

// minutes is the format of the time of the last use.
const minutes = "2006-01-02 15:04"

// Cells returns the row of an entry in a table: size, last use, name, description. An index has no
// row: its purpose is shown with the entry that it leads to.
func (e Entry) Cells() []string {
	used := e.Used.Format(minutes)
	switch {
	case e.LeadsTo != "":
		return nil
	case e.Holder != 0:
		used = fmt.Sprintf("now, by %d", e.Holder)
	}
	return []string{units.Bytes(e.Bytes), used, name(e.Entry), e.About}
}

// Inventory lists the cache, the largest entries first, and returns its size in bytes.
func Inventory(ctx context.Context, c *cache.Cache) (list []Entry, total int64, err error) {
	entries, err := c.List(ctx)
	slices.SortStableFunc(entries, func(a, b cache.Entry) int { return cmp.Compare(b.Bytes, a.Bytes) })
	list = make([]Entry, len(entries))
	for i, e := range entries {
		list[i] = Entry{e, about(e)}
		total += e.Bytes
	}
	return list, total, err
}

// Prune removes what exceeds the limits, or nothing if dry is set. The lines say what is removed and
// what stays, also if there is an error.
func Prune(ctx context.Context, c *cache.Cache, l cache.Limits, dry bool, p *progress.Printer) (lines []string, err error) {
	if l.All && (l.MaxBytes > 0 || l.OlderThan > 0) {
		return nil, usage.Errorf("--all excludes --max-size and --older-than")
	}
	entries, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	plan := cache.Plan(entries, l, time.Now())
	said := map[string]string{} // removed entries can no longer be read
	for _, e := range slices.Concat(plan.Gone, plan.InUse) {
		said[e.Path] = fmt.Sprintf("%s: %s, %s, used %s", name(e), about(e), units.Bytes(e.Bytes), e.Used.Format(minutes))
	}
	did := "would remove"
	if !dry {
		did = "removed"
		p.Line("removing %d entries", len(plan.Gone)) // 80,000 files take a slow disk minutes
		if plan, err = c.Prune(ctx, plan); err != nil {
			err = fmt.Errorf("pruning the cache: %w", err)
		}
	}
	var freed int64
	for _, e := range plan.Gone {
		freed += e.Bytes
		if said[e.LeadsTo] == "" { // an index is removed with the entry it leads to
			lines = append(lines, did+" "+said[e.Path])
		}
	}
	for _, e := range plan.InUse {
		by := "another netstrip"
		if e.Holder != 0 {
			by = fmt.Sprintf("process %d", e.Holder)
		}
		lines = append(lines, "kept "+said[e.Path]+"; in use by "+by)
	}
	if err == nil {
		lines = append(lines, fmt.Sprintf("%s %s, leaving %s", did, units.Bytes(freed), units.Bytes(plan.Left)))
	}
	return lines, err
}

// about describes an entry of the cache. Unknown kinds are described by their names.
func about(e cache.Entry) string {
	text := map[string]string{
		"download": "tarball of a kernel's source", "initramfs": "initramfs", "packages": "Debian packages of an init",
		"kernel": "kernel", "obj": "object tree", "source": "unpacked source",
		"source-hash": "hash of a tarball", "kconf": "Kconfig code of a source",
		"tmp": "incomplete (interrupted while being made or removed)",
	}[e.Kind]
	text = cmp.Or(text, strings.ReplaceAll(e.Kind, "-", " "))
	if v := version(e); v != "" {
		text += " " + v
	}
	if purposes := slices.Compact(slices.Sorted(slices.Values(e.For))); len(purposes) > 0 {
		text += " of " + strings.Join(purposes, ", ")
	}
	return text
}

// version returns the kernel version of an entry, or empty.
func version(e cache.Entry) string {
	read := func(name string) string {
		data, _ := file.Read(filepath.Join(e.Path, name), 1<<20) // damaged ones are listed too
		return strings.TrimSpace(string(data))
	}
	switch e.Kind {
	case "kernel":
		var k Kernel
		_ = json.Unmarshal([]byte(read("kernel.json")), &k)
		return k.Version
	case "obj":
		return read("include/config/kernel.release")
	case "source":
		m := regexp.MustCompile(`(?m)^VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)$`).FindStringSubmatch(read("Makefile"))
		return strings.Join(m[min(1, len(m)):], ".")
	}
	return ""
}

// verified is an entry of the cache and its state: whole, damaged, removed (it was damaged), or
// unchecked (nothing to compare it with is kept).
type verified struct {
	Kind  string `json:"kind"`
	Key   string `json:"key"`
	Path  string `json:"path"`
	State string `json:"state"`
	About string `json:"about"`
	Why   string `json:"why,omitempty"`
}

// String returns a line about an entry that is not whole.
func (v verified) String() string {
	return v.State + " " + name(cache.Entry{Kind: v.Kind, Key: v.Key}) + ": " + v.About + ": " + v.Why
}

// Verification is the state of the whole cache.
type Verification []verified

// Count returns how many entries are in a state.
func (l Verification) Count(state string) (n int) {
	for _, v := range l {
		if v.State == state {
			n++
		}
	}
	return n
}

// Write writes how many entries are in each state.
func (l Verification) Write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d whole, %d damaged, %d removed, %d unchecked\n",
		l.Count("whole"), l.Count("damaged"), l.Count("removed"), l.Count("unchecked"))
	return err
}

// Verify checks every entry of the cache; fix removes the damaged ones. It calls tell with a
// line about each that is not whole. The result is never nil.
func Verify(ctx context.Context, c *cache.Cache, fix bool, p *progress.Printer, tell func(line string)) (Verification, error) {
	list := Verification{}
	entries, err := c.List(ctx)
	for _, e := range entries {
		if e.Kind == "tmp" {
			continue
		}
		v := verified{Kind: e.Kind, Key: e.Key, Path: e.Path, About: about(e)}
		p.State("verifying %.200q", name(e)+": "+v.About)
		err := checkIndex(ctx, c, e)
		switch {
		case ctx.Err() != nil:
			return list, ctx.Err()
		case e.LeadsTo != "" && !errors.Is(err, cache.ErrDamaged):
			continue // listed with the entry that it leads to
		case errors.Is(err, fs.ErrNotExist):
			continue // removed meanwhile
		case err == nil:
			v.State = "whole"
		case errors.Is(err, cache.ErrUnchecked):
			v.State = "unchecked"
		default:
			v.State, v.Why = "damaged", err.Error()
			if fix {
				if err := c.Mend(ctx, e.Kind, e.Key); err != nil {
					return list, err
				}
				v.State = "removed"
			}
			tell(v.String())
		}
		list = append(list, v)
	}
	return list, err
}
