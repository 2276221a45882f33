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

// maxLine bounds a line of a results file, in bytes. wire.MaxBytes bounds the events of a
// boot; this leaves a factor of four for escaping and the rest of the record.
const maxLine = 64 << 20

// Store is a results file: one record per line, only appended to. Any number of netstrips
// may append to it at once.
type Store struct {
	// Path is the file; it and its directory are created when first needed.
	Path string
	// OnWait, unless nil, is called once if another program keeps the file locked.
	OnWait func(path string)
}

// consoleDir is the directory of console logs, beside the results file.
const consoleDir = "console"

// Check returns an error if no record could be appended, so that a run learns of a wrong path
// before it builds and boots anything. It creates the file if need be.
func (s Store) Check() error {
	f, err := s.open()
	if err != nil {
		return fmt.Errorf("opening the results: %w; --results names another file", err)
	}
	logs := filepath.Join(filepath.Dir(s.Path), consoleDir)
	if info, err := os.Stat(logs); err == nil && !info.IsDir() {
		return errors.Join(f.Close(), fmt.Errorf("opening the results: %s is not a directory, but console logs go there; --results names a file elsewhere", logs))
	}
	return f.Close()
}

// Append appends r to the file and returns once it is on disk. After an error the file is
// unchanged. A record without a schema gets the current one.
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
		return nil, fmt.Errorf("it is %d bytes long; a line may have %d", b.Len(), maxLine)
	}
	return b.Bytes(), nil
}

// appendLine appends line to f, which is locked, in one write. If a crash left a line without
// an end, it is ended first, so that it cannot swallow this one.
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

// syncDir makes the name of a new file durable, as File.Sync does for its contents.
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
