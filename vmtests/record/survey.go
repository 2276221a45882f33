package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/file"
)

// Survey reads a results file to which nobody appends, in order to copy it. It checks that every line
// is JSON, but decodes no record, which would take ten times as long; those of the file have the path
// of the console log too.
func (s Store) Survey() (*File, error) {
	f, err := file.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the results: %w", err)
	}
	v := &File{f: f}
	l := newLines(f, maxLine)
	for l.next() {
		why := fmt.Sprintf("longer than %d bytes", maxLine)
		if !l.over {
			why = v.survey(l)
		}
		if why != "" {
			v.Damage = append(v.Damage, Damage{l.number, why})
		}
	}
	if l.err != nil {
		f.Close()
		return nil, fmt.Errorf("reading the results: %w", l.err)
	}
	return v, nil
}

// Plans returns the plans in the order of the file.
func (r *File) Plans() []Plan { return r.plans }

// survey adds the record or plan in a line; why says what is wrong with the line, if anything is.
func (r *File) survey(l *lines) (why string) {
	if len(bytes.TrimSpace(l.text)) == 0 {
		return ""
	}
	rec, log, ok := glance(l.text)
	if ok && !json.Valid(l.text) {
		return "not a record: truncated, or not JSON"
	}
	if !ok {
		one := &File{}
		if why := one.add(l.text); why != "" {
			return why
		}
		if r.plans = append(r.plans, one.plans...); len(one.Records) == 0 {
			return ""
		}
		rec, log = one.Records[0], one.Records[0].ConsoleLog
		rec.Findings, rec.Hello = nil, nil // of 100,000 records they would fill the memory
	}
	rec.ConsoleLog = log
	rec.offset, rec.length, rec.line = l.start, len(l.text), l.number
	r.Records = append(r.Records, rec)
	return ""
}

// Decode returns a whole record of a file that was surveyed.
func (r *File) Decode(rec Record) (Record, error) {
	line, err := r.readLine(rec)
	if err != nil {
		return Record{}, err
	}
	whole, why := decode(line)
	if why != "" {
		return Record{}, fmt.Errorf("line %d: %s", rec.line, why)
	}
	return whole, nil
}

func (r *File) readLine(rec Record) ([]byte, error) {
	line := make([]byte, rec.length)
	if _, err := r.f.ReadAt(line, rec.offset); err != nil {
		return nil, fmt.Errorf("reading the record %s: %w", rec.ID, err)
	}
	return line, nil
}

// Copy writes a record as a line, with another ID, run and console log; an empty log is none. The
// rest of the line stays as it is, if the record was written by this version of the format.
func (r *File) Copy(w *bufio.Writer, rec Record, id, run, log string) error {
	line, err := r.readLine(rec)
	if err != nil {
		return err
	}
	named := func(id, run string) []byte {
		return fmt.Appendf(nil, `{"schema":%d,"id":%s,"run":%s,`, rec.Schema, quoted(id), quoted(run))
	}
	logged := func(log string) []byte { return fmt.Appendf(nil, `,"console_log":%s}`, quoted(log)) }
	rest, ok := bytes.CutPrefix(line, named(rec.ID, rec.Run))
	if ok && log != rec.ConsoleLog {
		if rest, ok = bytes.CutSuffix(rest, logged(rec.ConsoleLog)); ok && log != "" {
			rest = append(rest, logged(log)...)
		} else if ok {
			rest = append(rest, '}')
		}
	}
	if !ok {
		whole, why := decode(line)
		if why != "" {
			return fmt.Errorf("line %d: %s", rec.line, why)
		}
		whole.ID, whole.Run, whole.ConsoleLog = id, run, log
		if line, err = encode(whole); err == nil {
			_, err = w.Write(line)
		}
		return err
	}
	_, _ = w.Write(named(id, run)) // a later write or Flush returns the error
	_, _ = w.Write(rest)
	return w.WriteByte('\n')
}

// quoted returns a string as encode writes it.
func quoted(text string) []byte {
	line, _ := encode(text) // a string can always be encoded
	return bytes.TrimSuffix(line, []byte("\n"))
}

// WritePlan writes a plan as a line.
func (p Plan) WritePlan(w *bufio.Writer) error {
	p.Schema, p.Kind = Schema, planKind
	line, err := encode(p)
	if err == nil {
		_, err = w.Write(line)
	}
	return err
}
