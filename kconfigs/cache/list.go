package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"golang.org/x/sys/unix"
)

// Entry is something in the cache.
type Entry struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`
	Path string `json:"path"`
	// Bytes is what it takes on the disk.
	Bytes int64 `json:"bytes"`
	// Used is when it was last used, to some minutes.
	Used time.Time `json:"used"`
	// Holder is the process that uses it now, as far as that is known; 0 if none is.
	Holder int `json:"holder,omitempty"`
	// For are the words of the indexes that lead to it.
	For []string `json:"for,omitempty"`
	// LeadsTo is for an index the path of the entry it leads to, which need not be there.
	LeadsTo string `json:"leads_to,omitempty"`
}

// kindHalf is the directory of what is being made, or was left half made.
const kindHalf = "tmp"

// lockName is the lock of who makes or changes the entry.
func (e Entry) lockName() string {
	if e.Kind == kindHalf {
		return e.Key
	}
	return e.Kind + "-" + e.Key
}

// List returns all entries, in the order of kinds and keys, and what is in the making.
// Directories that symbolic links lead to belong to another cache.
func (c *Cache) List(ctx context.Context) ([]Entry, error) {
	kinds, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("listing the cache: %w", err)
	}
	isKey := regexp.MustCompile(`(^|[-+])[0-9a-f]{16,}$`).MatchString
	held := holders()
	var list []Entry
	for _, kind := range kinds {
		if !kind.IsDir() || kind.Name() == "lock" {
			continue
		}
		keys, err := os.ReadDir(filepath.Join(c.Dir, kind.Name()))
		if err != nil {
			return nil, fmt.Errorf("listing the cache: %w", err)
		}
		for _, key := range keys {
			if !isKey(key.Name()) && kind.Name() != kindHalf {
				continue
			}
			e, err := c.entry(ctx, kind.Name(), key.Name(), held)
			if errors.Is(err, fs.ErrNotExist) {
				continue // gone since
			}
			if err != nil {
				return nil, fmt.Errorf("listing the cache: %w", err)
			}
			list = append(list, e)
		}
	}
	return withPurposes(list), nil
}

// entry looks at one entry.
func (c *Cache) entry(ctx context.Context, kind, key string, held map[string]int) (Entry, error) {
	e := Entry{Kind: kind, Key: key, Path: c.Path(kind, key)}
	info, err := os.Lstat(e.Path)
	if err != nil {
		return e, err
	}
	e.Used = info.ModTime()
	e.Holder = held[inode(info)]
	if lock, err := os.Stat(filepath.Join(c.Dir, "lock", e.lockName())); err == nil && e.Holder == 0 {
		e.Holder = held[inode(lock)]
	}
	if of, ok := strings.CutSuffix(kind, indexSuffix); ok {
		words, err := file.Read(e.Path, maxIndex)
		if err != nil && !errors.Is(err, file.ErrIrregular) {
			return e, err
		}
		to, purpose, _ := parseIndex(string(words)) // of what is no index, nothing
		e.LeadsTo = c.Path(of, filepath.Base(to))
		if purpose != "" {
			e.For = []string{purpose}
		}
	}
	e.Bytes, err = diskUsage(ctx, e.Path)
	return e, err
}

// withPurposes tells entries what their indexes say.
func withPurposes(list []Entry) []Entry {
	purposes := map[string][]string{}
	for _, e := range list {
		purposes[e.LeadsTo] = append(purposes[e.LeadsTo], e.For...)
	}
	for i, e := range list {
		if e.LeadsTo == "" {
			list[i].For = purposes[e.Path]
		}
	}
	return list
}

// diskUsage is what a file or directory takes on the disk, in bytes. Others may be
// changing it meanwhile.
func diskUsage(ctx context.Context, path string) (n int64, err error) {
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				n += info.Sys().(*syscall.Stat_t).Blocks * 512 // stat(2): whatever the file system's blocks
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return n, err
}

// inode names a file as /proc/locks does.
func inode(info os.FileInfo) string {
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
}

// holders are the processes that hold locks, by what is locked. It is for people, and to
// plan by; what is removed is locked first. Some file systems give numbers of their own.
func holders() map[string]int {
	data, _ := os.ReadFile("/proc/locks") // proc_locks(5)
	held := map[string]int{}
	for line := range strings.Lines(string(data)) {
		var number, kind, how, mode, what string
		var pid int
		if n, _ := fmt.Sscan(line, &number, &kind, &how, &mode, &pid, &what); n == 6 && kind == "FLOCK" {
			held[what] = pid
		}
	}
	return held
}
