package record

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"golang.org/x/sys/unix"
)

// Damage is a line of a results file that this netstrip cannot read.
type Damage struct {
	// Line is its number, counted from 1.
	Line int
	// Why is what is wrong with it.
	Why string
}

// File is an open results file. Of a long one only the two ends of each line are read, since
// decoding it all takes a second per 50 MB.
type File struct {
	// Records are the intact records in the order of the file. Those that are not decoded
	// yet have ID, run, time, profile, series, init, probes, outcome and the kernel's key,
	// which is enough for ByRun, Latest and Find; Read decodes the rest.
	Records []Record
	// Damage are the unreadable lines. In a line that is not decoded only a missing end or a
	// run of zeros is noticed; Read notices the rest.
	Damage []Damage

	plans []Plan
	f     *os.File
}

// shortFile is the size in bytes up to which a file is decoded at once.
const shortFile = 4 << 20

// readerPatience is how long reading waits for a writer.
const readerPatience = 2 * time.Second

// Open reads as much of the results file as is needed to select records. It returns an error
// if the file cannot be read to its end, which wraps fs.ErrNotExist if there is no file.
func (s Store) Open() (*File, error) { return open(s.Path, shortFile) }

// open is Open; it decodes a file of up to short bytes at once.
func open(path string, short int64) (*File, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the results: %w", err)
	}
	// Under the lock a line is seen whole or not at all. If locks do not work, as on some
	// network file systems, or the writer is stopped, half a line shows as damage.
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

// Intact is like Read, but reports damage by calling damaged, and returns an error if no record is
// intact.
func (r *File) Intact(records []Record, damaged func([]Damage)) ([]Record, error) {
	whole, damage, err := r.Read(records)
	damaged(damage)
	if err == nil && len(whole) == 0 && len(damage) > 0 {
		err = fmt.Errorf("none of the wanted records in %s is intact", r.f.Name())
	}
	return whole, err
}

// Read decodes records of this file. It leaves out those whose lines turn out damaged.
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

// scan reads lines of at most limit bytes. It decodes those that glance cannot read, and all
// of them if all is set.
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

// Recent returns the records in the last tail bytes of a results file. It skips unreadable
// lines and the one that begins before.
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
			return nil, nil // a single line is longer than that
		}
	}
	recent := &File{}
	err = recent.scan(r, maxLine, true)
	return recent.Records, err
}

// add adds the record or plan in a line; why says what is wrong with the line, if anything is.
func (r *File) add(line []byte) (why string) {
	// Most lines are records. Reading JSON takes most of the time, so read those only once.
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

// identify returns the kind of a line, "" for a record; why says what prevents this netstrip
// from reading it, if anything does.
func identify(line []byte) (kind, why string) {
	if !json.Valid(line) {
		return "", "not a record: truncated, or not JSON"
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

// decode reads a record; why says what is wrong with the line, if anything is.
func decode(line []byte) (rec Record, why string) {
	if err := json.Unmarshal(line, &rec); err != nil {
		return Record{}, fmt.Sprintf("not a record: %v", err)
	}
	return rec, rec.wrong()
}

// wrong says why r is not a valid record, if it is not.
func (r Record) wrong() (why string) {
	if r.ID == "" || r.Profile == "" {
		return "not a record: it has no id or no profile"
	}
	if !r.Outcome.Known() {
		return fmt.Sprintf("not a record: unknown outcome %.40q", string(r.Outcome))
	}
	return ""
}

// Known reports whether o is an outcome, or empty.
func (o Outcome) Known() bool {
	switch o {
	case "", Completed, Panicked, InitFailed, Hung, Reset, Silent, TimedOut:
		return true
	}
	return o.RigFault()
}
