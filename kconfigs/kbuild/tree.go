package kbuild

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

// fingerprint identifies a tree by path, kind, size and time of every file in it, as
// make itself does: reading 1.5 GB at every start would take too long. Git's own
// files do not count, they change without the source doing so.
func fingerprint(ctx context.Context, dir string) (string, error) {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 1<<16)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if d.Name() == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%q %o %d %d\n", path[len(dir):], info.Mode(), info.Size(), info.ModTime().UnixNano())
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// Symbols gives the name, without CONFIG_, of every symbol that the tree's Kconfig
// files define for x86: what a request may speak of at all. The list is kept in the
// cache.
func (s *Source) Symbols(ctx context.Context) (map[string]bool, error) {
	data, err := s.cache.Read("symbols", s.ID)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = s.scanSymbols(ctx, s.cache.Path("symbols", s.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("listing the kernel's symbols: %w", err)
	}
	known := map[string]bool{}
	for name := range strings.FieldsSeq(string(data)) {
		known[name] = true
	}
	return known, nil
}

func (s *Source) scanSymbols(ctx context.Context, file string) ([]byte, error) {
	tree, err := s.Tree(ctx)
	if err != nil {
		return nil, err
	}
	names, err := scanKconfig(ctx, tree)
	if err != nil {
		return nil, err
	}
	data := []byte(strings.Join(names, "\n") + "\n")
	return data, cache.WriteFile(file, data)
}

// scanKconfig finds the names only. What they mean, kconfig itself has to say.
func scanKconfig(ctx context.Context, tree string) ([]string, error) {
	define := regexp.MustCompile(`(?m)^[ \t]*(?:menu)?config[ \t]+([A-Za-z0-9_]+)[ \t]*(?:#.*)?$`)
	var names []string
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			if elsewhere(path[len(tree):]) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasPrefix(d.Name(), "Kconfig") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range define.FindAllSubmatch(data, -1) {
			names = append(names, string(m[1]))
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no Kconfig file in %s defines any", tree)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// elsewhere reports whether Kconfig files under the directory are not part of an
// x86 kernel's: those of other architectures, of tools, and kconfig's own tests.
func elsewhere(dir string) bool {
	switch dir {
	case "/.git", "/tools", "/scripts/kconfig":
		return true
	}
	arch, ok := strings.CutPrefix(dir, "/arch/")
	return ok && !strings.Contains(arch, "/") && arch != "x86"
}
