package kbuild

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// markFile exists in an object tree while make works in it.
const markFile = ".netstrip-building"

// suspect is how old, compared with the newest file, an incomplete file may be. An assembler
// writes its object in well under a second.
const suspect = 10 * time.Second

func markBuilding(obj string) error {
	if err := os.WriteFile(filepath.Join(obj, markFile), nil, 0o644); err != nil {
		return fmt.Errorf("marking the object tree: %w", err)
	}
	return nil
}

func unmarkBuilding(obj string) error {
	if err := os.Remove(filepath.Join(obj, markFile)); err != nil {
		return fmt.Errorf("unmarking the object tree: %w", err)
	}
	return nil
}

// recoverTree repairs an object tree after a build that was killed. Make removes incomplete
// files when it fails, but not when it is killed; an incomplete object is newer than its
// source and would be linked. So the newest files are removed, and kbuild makes them again.
func recoverTree(obj string) error {
	if _, err := os.Lstat(filepath.Join(obj, markFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	made, err := madeFiles(obj)
	if err != nil {
		return fmt.Errorf("resuming an interrupted build: %w", err)
	}
	var last time.Time
	for _, t := range made {
		if t.After(last) {
			last = t
		}
	}
	for path, t := range made {
		if last.Sub(t) > suspect {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("resuming an interrupted build: %w", err)
		}
	}
	return unmarkBuilding(obj)
}

// madeFiles returns the files that make may have left incomplete, with their times. It omits
// those under include/, which kbuild replaces whole (filechk, conf's syncconfig) and whose
// removal would recompile everything. A .cmd file without its object is harmless.
func madeFiles(obj string) (map[string]time.Time, error) {
	kept := []string{filepath.Join(obj, "include/config"), filepath.Join(obj, "include/generated")}
	made := map[string]time.Time{}
	err := filepath.WalkDir(obj, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(kept, path):
			return fs.SkipDir
		case !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") || d.Name() == "Makefile":
			return nil
		}
		info, err := d.Info()
		if err == nil {
			made[path] = info.ModTime()
		}
		return err
	})
	return made, err
}
