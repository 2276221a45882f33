package record

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

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

// encode gives a record or a plan as one line of JSON with its newline.
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
	all, err := load(path)
	return all.records, all.damage, err
}

// Recent reads the records in the last bytes of a results file, of which there are tail. It
// passes over lines that hold none, and over one that begins before.
func (s Store) Recent(tail int64) ([]Record, error) {
	f, err := file.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the results: %w", err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(max(0, size-tail-1), io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the results: %w", err)
	}
	r := bufio.NewReader(io.LimitReader(f, min(size, tail+1)))
	if size > tail {
		if _, err := r.ReadBytes('\n'); err != nil {
			return nil, nil // one line is longer than that
		}
	}
	all, err := read(r, maxLine)
	return all.records, err
}

// contents are what a results file holds, each in the order of its lines.
type contents struct {
	records []Record
	plans   []Plan
	damage  []Damage
}

// readerPatience is how long reading waits for a writer.
const readerPatience = 2 * time.Second

func load(path string) (contents, error) {
	f, err := file.Open(path)
	if err != nil {
		return contents{}, fmt.Errorf("reading the results: %w", err)
	}
	defer f.Close()
	// A writer's line is seen whole or not at all. Where locks do not work, such as on
	// some network file systems, or a writer is stopped, a line half written shows as damage.
	ctx, cancel := context.WithTimeout(context.Background(), readerPatience)
	defer cancel()
	_ = lock(ctx, f, unix.F_RDLCK, appendByte, nil)
	all, err := read(f, maxLine)
	if err != nil {
		return all, fmt.Errorf("reading the results: %w", err)
	}
	return all, nil
}

// read is load on a stream whose lines have at most limit bytes.
func read(r io.Reader, limit int) (contents, error) {
	var all contents
	l := newLines(r, limit)
	for l.next() {
		line := bytes.TrimSpace(l.text)
		if len(line) == 0 && !l.over {
			continue
		}
		why := fmt.Sprintf("longer than %d bytes", limit)
		if !l.over {
			why = all.add(line)
		}
		if why != "" {
			all.damage = append(all.damage, Damage{l.number, why})
		}
	}
	return all, l.err
}

// add takes up what a line holds; why is empty when it holds something.
func (c *contents) add(line []byte) (why string) {
	// Most lines are records, and most of the time is that of reading JSON: once will do.
	var usual struct {
		Kind string `json:"kind"`
		Record
	}
	if json.Unmarshal(line, &usual) == nil && usual.Kind == "" && usual.Schema == Schema {
		if why = usual.Record.wrong(); why == "" {
			c.records = append(c.records, usual.Record)
		}
		return why
	}
	kind, why := identify(line)
	switch {
	case why != "":
		return why
	case kind == planKind:
		p, why := decodePlan(line)
		if why == "" {
			c.plans = append(c.plans, p)
		}
		return why
	}
	rec, why := decode(line)
	if why == "" {
		c.records = append(c.records, rec)
	}
	return why
}

// header is the part of a line that every schema has.
type header struct {
	Schema *int   `json:"schema"`
	Kind   string `json:"kind"`
}

// identify says what kind of line it is, "" for a record; why is empty when this
// netstrip can read it.
func identify(line []byte) (kind, why string) {
	if !json.Valid(line) {
		return "", "not a record: cut off, or no JSON"
	}
	var head header
	if err := json.Unmarshal(line, &head); err != nil {
		return "", fmt.Sprintf("not a record: %v", err)
	}
	switch {
	case head.Schema == nil || *head.Schema < 1:
		return "", "not a record: it has no schema"
	case *head.Schema > Schema:
		return "", fmt.Sprintf("written by a newer netstrip: schema %d, and this one reads up to %d", *head.Schema, Schema)
	case head.Kind != "" && head.Kind != planKind:
		return "", fmt.Sprintf("written by a newer netstrip: a line of the kind %.40q", head.Kind)
	}
	return head.Kind, ""
}

// decode reads a record's line; why is empty when it holds one.
func decode(line []byte) (rec Record, why string) {
	if err := json.Unmarshal(line, &rec); err != nil {
		return Record{}, fmt.Sprintf("not a record: %v", err)
	}
	return rec, rec.wrong()
}

// wrong says why what was read is no record.
func (r Record) wrong() (why string) {
	if r.ID == "" || r.Profile == "" {
		return "not a record: it has no id or no profile"
	}
	if !r.Outcome.known() {
		return fmt.Sprintf("not a record: unknown outcome %.40q", string(r.Outcome))
	}
	return ""
}

// known reports whether o is one of the outcomes above, or none.
func (o Outcome) known() bool {
	switch o {
	case "", Completed, Panicked, InitFailed, Hung, Reset, Silent, TimedOut:
		return true
	}
	return o.RigFault()
}
