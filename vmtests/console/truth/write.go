package truth

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/vmtests/report"
)

// Write writes it for people.
func (s Score) Write(w io.Writer) error {
	var b strings.Builder
	for _, wrong := range s.Wrong {
		fmt.Fprintln(&b, report.Escape(wrong, 1000))
	}
	for _, row := range []struct {
		name string
		m    Measure
	}{
		{"panics named", s.Named}, {"panics invented", s.Invented}, {"crashes without a panic noted", s.Noted},
		{"clean logs called bad", s.Bad}, {"traces of the panic right", s.Traces}, {"tasks right", s.Tasks},
	} {
		fmt.Fprintf(&b, "%-30s %s\n", row.name, row.m)
	}
	fmt.Fprintf(&b, "%-30s %.0f MB in a second of processor time; %d logs, %d bytes\n", "speed", s.Speed, s.Logs, s.Bytes)
	if n := len(s.Bare); n > 0 {
		fmt.Fprintf(&b, "%-30s %d logs, not counted; the first is %s\n", "without a truth", n, report.Escape(cmp.Or(s.Bare...), 300))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
