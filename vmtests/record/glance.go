package record

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"
)

// glance reads the two ends of a record's line and its outcome without decoding the rest. It
// relies on the order in which encode writes the fields, and reports false for any other
// line. What it searches for cannot occur within a string, where every quote is escaped.
func glance(line []byte) (r Record, consoleLog string, ok bool) {
	// A crash can leave zeros, or part of one line in front of another.
	whole := bytes.IndexByte(line, 0) < 0 && !bytes.Contains(line[min(1, len(line)):], []byte(`{"schema":`))
	g := glancer{rest: line, ok: whole}
	g.want(fmt.Appendf(nil, `{"schema":%d`, Schema))
	r.Schema = Schema
	r.ID = g.text(`,"id":"`)
	r.Run = g.text(`,"run":"`)
	var err error
	if r.Time, err = time.Parse(time.RFC3339Nano, g.text(`,"time":"`)); err != nil {
		return Record{}, "", false
	}
	r.Profile = g.text(`,"profile":"`)
	r.Series = g.text(`,"series":"`)
	r.Arch = g.optional(`,"arch":"`)
	r.Init = g.optional(`,"init":"`)
	r.Probes = g.optional(`,"probes":"`)
	r.Kernel.Key = g.later(`,"kernel":{"key":"`)
	r.Initramfs.Key = g.later(`,"initramfs":{"key":"`)
	r.Machine.QEMU = g.later(`,"machine":{"qemu":"`)
	r.Machine.Accel = g.text(`,"accel":"`)
	r.Outcome = Outcome(g.later(`,"outcome":"`))
	g.rest = g.rest[max(0, len(g.rest)-1024):]
	consoleLog = g.later(`,"console_log":"`)
	if !g.ok || string(g.rest) != "}" || r.wrong() != "" {
		return Record{}, "", false
	}
	return r, consoleLog, true
}

// glancer steps through a line. At the first mismatch ok becomes false, and its results are
// meaningless.
type glancer struct {
	rest []byte
	ok   bool
}

func (g *glancer) want(text []byte) {
	rest, found := bytes.CutPrefix(g.rest, text)
	g.rest, g.ok = rest, g.ok && found
}

// text reads a string after before, which ends with the opening quote.
func (g *glancer) text(before string) string {
	g.want([]byte(before))
	text, rest, found := bytes.Cut(g.rest, []byte{'"'})
	g.rest = rest
	g.ok = g.ok && found && bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
	if !g.ok {
		return ""
	}
	return string(text)
}

// optional is like text, for a string that may be missing.
func (g *glancer) optional(before string) string {
	if !bytes.HasPrefix(g.rest, []byte(before)) {
		return ""
	}
	return g.text(before)
}

// later is like text, for a string that comes anywhere further on.
func (g *glancer) later(before string) string {
	g.rest = g.rest[max(0, bytes.Index(g.rest, []byte(before))):]
	return g.text(before)
}
