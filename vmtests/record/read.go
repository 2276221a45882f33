package record

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"golang.org/x/sys/unix"
)

// Damage is a line of a results file that holds no record this netstrip can read.
type Damage struct {
	// Line is its number, counted from 1.
	Line int
	// Why says what is wrong with it.
	Why string
}

// File is a results file that is open for reading. Of a long one it has only what the lines
// begin and end with, since decoding all of it takes a second for each 50 MB.
type File struct {
	// Records are the intact records in the order of the file. Of those that were not
	// decoded yet there are the ID, the run, the time, the profile, the series, the init, the
	// probes, the outcome, and the key of the kernel. That is enough for ByRun, Latest and
	// Find; Read decodes the rest.
	Records []Record
	// Damage are the lines that hold no record. A line that is not decoded is found damaged
	// when it is cut off at either end or has a hole of zeros, and otherwise by Read.
	Damage []Damage

	plans []Plan
	f     *os.File
}

// shortFile is the length in bytes up to which all lines of a file are decoded at once.
const shortFile = 4 << 20

// readerPatience is how long reading waits for a writer.
const readerPatience = 2 * time.Second

// Open reads the results file as far as is needed to choose among its records. The error is
// for a file that cannot be read at all, or not to its end; it wraps fs.ErrNotExist when
// there is none.
func (s Store) Open() (*File, error) { return open(s.Path, shortFile) }

// Load is Store.Open, and File.Read of all records.
func Load(path string) ([]Record, []Damage, error) {
	r, err := open(path, math.MaxInt64)
	if err != nil {
		return nil, nil, err
	}
	return r.Records, r.Damage, r.Close()
}

// open is Open that decodes all of a file of up to short bytes.
func open(path string, short int64) (*File, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the results: %w", err)
	}
	// A writer's line is seen whole or not at all. Where locks do not work, such as on
	// some network file systems, or a writer is stopped, a line half written shows as damage.
	ctx, cancel := context.WithTimeout(context.Background(), readerPatience)
	defer cancel()
	if lock(ctx, f, unix.F_RDLCK, appendByte, nil) == nil {
		defer unlock(f, appendByte)
	}
	r := &File{f: f}
	info, err := f.Stat()
	if err == nil {
		err = r.scan(f, maxLine, info.Size() <= short)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("reading the results: %w", err)
	}
	return r, nil
}

// Close closes the file. Its records stay as they are.
func (r *File) Close() error { return r.f.Close() }

// Read returns the records given, of this file, decoded, without those whose lines turn out
// damaged.
func (r *File) Read(records []Record) (whole []Record, damage []Damage, err error) {
	for _, rec := range records {
		if rec.length == 0 {
			whole = append(whole, rec)
			continue
		}
		line := make([]byte, rec.length)
		if _, err := r.f.ReadAt(line, rec.offset); err != nil {
			return nil, nil, fmt.Errorf("reading the record %s: %w", rec.ID, err)
		}
		one := &File{}
		if why := one.add(line); why != "" {
			damage = append(damage, Damage{rec.line, why})
		}
		whole = append(whole, one.Records...)
	}
	return whole, damage, nil
}

// scan reads the lines of a stream, which have at most limit bytes. It decodes those that
// are no record as Append writes it, and with all set every one.
func (r *File) scan(from io.Reader, limit int, all bool) error {
	l := newLines(from, limit)
	for l.next() {
		line := bytes.TrimSpace(l.text)
		if len(line) == 0 && !l.over {
			continue
		}
		if rec, _, ok := glance(line); ok && !all {
			rec.offset, rec.length, rec.line = l.start, len(l.text), l.number
			r.Records = append(r.Records, rec)
			continue
		}
		why := fmt.Sprintf("longer than %d bytes", limit)
		if !l.over {
			why = r.add(line)
		}
		if why != "" {
			r.Damage = append(r.Damage, Damage{l.number, why})
		}
	}
	return l.err
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
	recent := &File{}
	err = recent.scan(r, maxLine, true)
	return recent.Records, err
}

// add takes up what a line holds; why is empty when it holds something.
func (r *File) add(line []byte) (why string) {
	// Most lines are records, and most of the time is that of reading JSON: once will do.
	var usual struct {
		Kind string `json:"kind"`
		Record
	}
	if json.Unmarshal(line, &usual) == nil && usual.Kind == "" && usual.Schema == Schema {
		if why = usual.Record.wrong(); why == "" {
			r.Records = append(r.Records, usual.Record)
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
			r.plans = append(r.plans, p)
		}
		return why
	}
	rec, why := decode(line)
	if why == "" {
		r.Records = append(r.Records, rec)
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
