package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/netstrip/netstrip/kconfigs/file"
	"golang.org/x/sys/unix"
)

// maxLine bounds one line of a results file, in bytes. The events of one boot are
// bounded by wire.MaxBytes; escaping and the rest of a record stay far below the
// factor of four left here.
const maxLine = 64 << 20

// Store is a results file: one record per line, only ever appended to. Any number
// of netstrips may append to one file.
type Store struct {
	// Path is where the file is; it and its directory are made when first needed.
	Path string
	// OnWait, if set, is told once of a file that another program keeps locked.
	OnWait func(path string)
}

// consoleDir is where console logs are, beside the results file.
const consoleDir = "console"

// Check reports whether a record could be appended, so that a run learns of a
// wrong path before it has built and booted anything. It makes the file if need be.
func (s Store) Check() error {
	f, err := s.open()
	if err != nil {
		return fmt.Errorf("opening the results: %w; --results names another file", err)
	}
	logs := filepath.Join(filepath.Dir(s.Path), consoleDir)
	if info, err := os.Stat(logs); err == nil && !info.IsDir() {
		return errors.Join(f.Close(), fmt.Errorf("opening the results: %s is no directory, and console logs go there; --results names a file elsewhere", logs))
	}
	return f.Close()
}

// Append adds r to the file and returns when it is on the disk. After an error the
// file is what it was before. A record without a schema is given the present one.
func (s Store) Append(ctx context.Context, r Record) error {
	if r.Schema == 0 {
		r.Schema = Schema
	}
	line, err := encode(r)
	if err != nil {
		return fmt.Errorf("storing the record %s in %s: %w", r.ID, s.Path, err)
	}
	for {
		f, err := s.open()
		if err == nil {
			err = s.lockedAppend(ctx, f, line)
			f.Close()
		}
		switch {
		case errors.Is(err, errPruned):
			continue
		case err != nil:
			return fmt.Errorf("storing the record %s: %w", r.ID, err)
		}
		return nil
	}
}

func (s Store) open() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o755); err != nil {
		return nil, err
	}
	return file.OpenFile(s.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
}

// encode returns a record or a plan as one line of JSON with its newline.
func encode(r any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	if b.Len() > maxLine {
		return nil, fmt.Errorf("it is %d bytes long, and a line may have %d", b.Len(), maxLine)
	}
	return b.Bytes(), nil
}

// appendLine writes line at the end of f, which is locked, in one write. A last line
// that a crash cut off is ended first, so that it cannot swallow this one.
func appendLine(f *os.File, line []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = f.Write(line)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		if terr := f.Truncate(size); terr != nil {
			return errors.Join(err, fmt.Errorf("restoring its length: %w", terr))
		}
		return err
	}
	if size == 0 {
		return syncDir(filepath.Dir(f.Name()))
	}
	return nil
}

// syncDir makes the name of a new file last, as File.Sync does for its contents.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) { // some file systems cannot
		return err
	}
	return nil
}
