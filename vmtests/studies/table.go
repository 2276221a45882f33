package studies

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// line is a line of a study's table. Its cells are keyed by the names of their columns.
type line struct {
	at    string // file:line
	cells map[string]string
}

// readTable reads comma-separated values that follow comments and a line with the names of the
// columns, which must include columns. Errors name the line.
func readTable(file, text string, columns ...string) ([]line, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	names, err := r.Read()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: the line with the names of the columns is missing", file)
	}
	if err != nil {
		return nil, positioned(file, err)
	}
	var bad []error
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			bad = append(bad, fmt.Errorf("%s: column %d is named %q, which is empty or repeated", file, i+1, name))
		}
	}
	for _, c := range columns {
		if !slices.Contains(names, c) {
			bad = append(bad, fmt.Errorf("%s: column %s is missing", file, c))
		}
	}
	var lines []line
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return lines, errors.Join(bad...)
		}
		if err != nil {
			bad = append(bad, positioned(file, err))
			continue
		}
		n, _ := r.FieldPos(0)
		l := line{fmt.Sprintf("%s:%d", file, n), map[string]string{}}
		for i, name := range names {
			l.cells[name] = cells[i]
		}
		lines = append(lines, l)
	}
}

// positioned adds file and line to an error of the reader.
func positioned(file string, err error) error {
	if p := (*csv.ParseError)(nil); errors.As(err, &p) {
		return fmt.Errorf("%s:%d: %w", file, p.Line, p.Err)
	}
	return fmt.Errorf("%s: %w", file, err)
}
