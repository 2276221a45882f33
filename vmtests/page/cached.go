package page

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/explanation"
)

// patience bounds how long Kconfig is asked about all kernels.
const patience = time.Minute

// maxConfig is the largest .config that is read, in bytes.
const maxConfig = 4 << 20

// cached is what the cache has about a kernel.
type cached struct {
	// values are the symbols of its final .config.
	values map[string]string
	// directories are its sizes by directory of the source.
	directories []kbuild.Directory
	// why has the reasons of the values, as far as Kconfig was asked.
	why map[string]string
}

// ask reads the kernels in the cache and asks Kconfig for the reasons of the values of the symbols
// that probes need. Whatever is missing is not on the page.
func (s *study) ask(ctx context.Context, o Options) {
	c, err := cache.Open(o.Cache)
	if err != nil {
		s.Notes = append(s.Notes, "The cache of kernels cannot be read, so symbols and sizes are missing: "+esc(err.Error()))
		return
	}
	b := &kbuild.Builder{Cache: c}
	var missing []string
	for _, k := range s.Kernels {
		key := k.Newest().Kernel.Key
		if s.facts[key] == nil {
			if facts, err := read(b, key); err == nil {
				s.facts[key] = facts
			} else {
				missing = append(missing, k.Name)
			}
		}
	}
	if n := len(missing); n > 0 {
		some := strings.Join(missing[:min(n, 8)], ", ")
		s.Notes = append(s.Notes, fmt.Sprintf("%d of %d kernels are no longer in the cache, so their symbols and sizes by directory are not shown: %s.", n, len(s.Kernels), some))
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	s.reasons(ctx, o.Cache)
}

// read returns what the cache has about a kernel.
func read(b *kbuild.Builder, key string) (*cached, error) {
	k, err := b.Find(key)
	if err != nil {
		return nil, err
	}
	facts := &cached{directories: k.Directories, values: map[string]string{}, why: map[string]string{}}
	info, err := os.Stat(k.Config)
	if err != nil || info.Size() > maxConfig {
		return facts, nil // a kernel that was compiled elsewhere may have come without one
	}
	data, err := os.ReadFile(k.Config)
	if err != nil {
		return facts, nil
	}
	f, err := kconfigs.ParseFragment(k.Config, data)
	if err != nil {
		return facts, nil
	}
	for _, s := range f.Settings {
		facts.values[s.Symbol] = s.Value
	}
	return facts, nil
}

// reasons asks the Kconfig code of each series and architecture, where it is already compiled.
func (s *study) reasons(ctx context.Context, dir string) {
	variants := map[string][]*kernel{}
	var order []string
	for _, k := range s.Kernels {
		if s.facts[k.Newest().Kernel.Key] == nil { // its source may not be here, and is not fetched
			continue
		}
		v := k.Newest().Variant()
		if variants[v] == nil {
			order = append(order, v)
		}
		variants[v] = append(variants[v], k)
	}
	for _, v := range order {
		newest := variants[v][0].Newest()
		b, k := kbuild.Quick(ctx, dir, source.Options{Series: newest.Series, Arch: cmp.Or(newest.Arch, newest.Kernel.Arch, "x86_64")})
		if k == nil {
			continue
		}
		if tree, err := b.Symbols(k); err == nil && s.graph == nil {
			s.graph = newGraph(tree, s.symbols(), v)
		}
		for _, one := range variants[v] {
			facts := s.facts[one.Newest().Kernel.Key]
			if ctx.Err() != nil {
				continue
			}
			w := explanation.State(ctx, b, k, one.Newest().Ref().Profile())
			for _, name := range s.symbols() {
				if w != nil && w.Has(name) && sameValue(w, name, facts.values[name]) {
					facts.why[name] = w.Why(name)
				}
			}
		}
		k.Close()
	}
	if ctx.Err() != nil {
		s.Notes = append(s.Notes, fmt.Sprintf("Kconfig did not answer within %s, so some symbols have a value but no reason.", patience))
	}
}

// sameValue reports whether a symbol has the same value in the state as in the kernel that was
// booted: the reason for another value would be wrong.
func sameValue(w *explain.ConfigState, name, booted string) bool {
	return cmp.Or(w.Values[name].Value, "n") == cmp.Or(booted, "n")
}

// symbols returns the symbols that the probes of the page need, sorted.
func (s *study) symbols() []string {
	seen := map[string]bool{}
	var all []string
	for _, f := range slices.Concat(s.Probes.Families, s.Apps.Families) {
		for _, r := range f.Rows {
			for _, name := range r.Symbols {
				if !seen[name] {
					seen[name] = true
					all = append(all, name)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}
