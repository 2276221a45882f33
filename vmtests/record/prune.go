package record

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs/file"
)

// entry is the part of a line that Prune needs.
type entry struct {
	Run        string `json:"run"`
	Kind       string `json:"kind"`
	ConsoleLog string `json:"console_log"`
}

// eachEntry calls do for each line of a results file; an unreadable line has an empty entry.
func eachEntry(f *os.File, do func(line []byte, e entry) error) error {
	l := newLines(f, maxLine)
	for l.next() {
		if l.over {
			return fmt.Errorf("line %d is longer than %d bytes", l.number, maxLine)
		}
		var e entry
		if r, log, ok := glance(l.text); ok {
			e = entry{Run: r.Run, ConsoleLog: log}
		} else if json.Unmarshal(l.text, &e) != nil {
			e = entry{}
		}
		if err := do(l.text, e); err != nil {
			return err
		}
	}
	return l.err
}

// Sizes returns the runs of a results file, in order, and the size of each in bytes.
func (s Store) Sizes() (runs []string, bytes map[string]int64, err error) {
	f, err := file.Open(s.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the results: %w", err)
	}
	defer f.Close()
	bytes = map[string]int64{}
	err = eachEntry(f, func(line []byte, e entry) error {
		if _, known := bytes[e.Run]; !known && e.Run != "" {
			runs = append(runs, e.Run)
		}
		bytes[e.Run] += int64(len(line) + 1)
		return nil
	})
	return runs, bytes, err
}

// Prune removes the runs that drop selects, with their plans and console logs. It replaces
// the file atomically, under the lock. Unreadable lines are kept. Nothing is removed while a
// run is in progress.
func (s Store) Prune(ctx context.Context, drop func(run string) bool) error {
	f, err := file.OpenFile(s.Path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("pruning the results: %w", err)
	}
	defer f.Close() // and with it all locks
	if err := lock(ctx, f, unix.F_WRLCK, appendByte, s.waiting); err != nil {
		return fmt.Errorf("pruning the results: locking %s: %w", s.Path, err)
	}
	gone, kept := map[string]bool{}, map[string]bool{} // console logs
	out, err := os.CreateTemp(filepath.Dir(s.Path), ".netstrip-tmp-*")
	if err != nil {
		return fmt.Errorf("pruning the results: %w", err)
	}
	defer os.Remove(out.Name()) // unless it was renamed
	defer out.Close()
	w := bufio.NewWriter(out)
	err = eachEntry(f, func(line []byte, e entry) error {
		if e.Kind == planKind && !tryLock(f, runByte(e.Run)) {
			return fmt.Errorf("the run %s is in progress: prune when it has ended", e.Run)
		}
		if e.Run != "" && drop(e.Run) {
			gone[e.ConsoleLog] = true
			return ctx.Err()
		}
		kept[e.ConsoleLog] = true
		_, err := w.Write(append(line, '\n'))
		return errors.Join(err, ctx.Err())
	})
	if err == nil {
		err = errors.Join(w.Flush(), out.Chmod(0o644), out.Sync())
	}
	if err == nil {
		err = os.Rename(out.Name(), s.Path)
	}
	if err != nil {
		return fmt.Errorf("pruning the results: %w", err)
	}
	return errors.Join(syncDir(filepath.Dir(s.Path)), s.removeLogs(gone, kept))
}

// removeLogs removes console logs that no record names any more. Records are not trusted:
// only files in the directory of console logs are removed.
func (s Store) removeLogs(gone, kept map[string]bool) (err error) {
	for log := range gone {
		if kept[log] || filepath.Dir(log) != consoleDir || !strings.HasSuffix(log, ".log") || !filepath.IsLocal(log) {
			continue
		}
		if rerr := os.Remove(filepath.Join(filepath.Dir(s.Path), log)); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("removing a console log: %w", rerr))
		}
	}
	return err
}
