package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
}

// Check reports whether a record could be appended, so that a run learns of a
// wrong path before it has built and booted anything. It makes the file if need be.
func (s Store) Check() error {
	f, err := s.open()
	if err != nil {
		return fmt.Errorf("opening the results: %w", err)
	}
	return f.Close()
}

// Append adds r to the file and returns when it is on the disk. After an error the
// file is what it was before. A record without a schema is given the present one.
func (s Store) Append(r Record) error {
	if r.Schema == 0 {
		r.Schema = Schema
	}
	line, err := encode(r)
	if err != nil {
		return fmt.Errorf("storing the record %s in %s: %w", r.ID, s.Path, err)
	}
	f, err := s.open()
	if err != nil {
		return fmt.Errorf("storing the record %s: %w", r.ID, err)
	}
	defer f.Close()
	if err := lock(f, unix.LOCK_EX); err != nil {
		return fmt.Errorf("storing the record %s: locking %s: %w", r.ID, s.Path, err)
	}
	if err := appendLine(f, line); err != nil {
		return fmt.Errorf("storing the record %s: %w", r.ID, err)
	}
	return nil
}

func (s Store) open() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(s.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
}

// encode gives r as one line of JSON with its newline.
func encode(r Record) ([]byte, error) {
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
	if !info.Mode().IsRegular() { // /dev/null, a pipe: nothing to restore or to sync
		_, err := f.Write(line)
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

// lock waits for a flock(2) on f, which ends when f is closed.
func lock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Damage is a line of a results file that holds no record this netstrip can read.
type Damage struct {
	// Line is its number, counted from 1.
	Line int
	// Why says what is wrong with it.
	Why string
}

// Load reads a results file: every intact record in the order of the file, and the
// lines that are not intact. The error is for a file that cannot be read at all, or
// not to its end; it wraps fs.ErrNotExist when there is none.
func Load(path string) ([]Record, []Damage, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the results: %w", err)
	}
	defer f.Close()
	// A writer's line is seen whole or not at all. Where flock does not work, such as
	// on some network file systems, a line half written shows as damage.
	_ = lock(f, unix.LOCK_SH)
	records, damage, err := read(f, maxLine)
	if err != nil {
		return records, damage, fmt.Errorf("reading the results: %w", err)
	}
	return records, damage, nil
}

// read is Load on a stream whose lines have at most limit bytes.
func read(r io.Reader, limit int) ([]Record, []Damage, error) {
	var records []Record
	var damage []Damage
	l := newLines(r, limit)
	for l.next() {
		line := bytes.TrimSpace(l.text)
		if len(line) == 0 && !l.over {
			continue
		}
		if l.over {
			damage = append(damage, Damage{l.number, fmt.Sprintf("longer than %d bytes", limit)})
			continue
		}
		rec, why := decode(line)
		if why != "" {
			damage = append(damage, Damage{l.number, why})
			continue
		}
		records = append(records, rec)
	}
	return records, damage, l.err
}

// header is the part of a record that every schema has.
type header struct {
	Schema *int `json:"schema"`
}

// decode reads one line; why is empty when it holds a record.
func decode(line []byte) (rec Record, why string) {
	if !json.Valid(line) {
		return Record{}, "not a record: cut off, or no JSON"
	}
	var head header
	if err := json.Unmarshal(line, &head); err != nil {
		return Record{}, fmt.Sprintf("not a record: %v", err)
	}
	switch {
	case head.Schema == nil || *head.Schema < 1:
		return Record{}, "not a record: it has no schema"
	case *head.Schema > Schema:
		return Record{}, fmt.Sprintf("written by a newer netstrip: schema %d, and this one reads up to %d", *head.Schema, Schema)
	}
	if err := json.Unmarshal(line, &rec); err != nil {
		return Record{}, fmt.Sprintf("not a record: %v", err)
	}
	if rec.ID == "" || rec.Profile == "" {
		return Record{}, "not a record: it has no id or no profile"
	}
	if !rec.Outcome.known() {
		return Record{}, fmt.Sprintf("not a record: unknown outcome %.40q", string(rec.Outcome))
	}
	return rec, ""
}

// known reports whether o is one of the outcomes above, or none.
func (o Outcome) known() bool {
	switch o {
	case "", Completed, Panicked, InitFailed, Hung, Reset, Silent, TimedOut:
		return true
	}
	return o.RigFault()
}
