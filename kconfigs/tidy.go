package kconfigs

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// tidy converts a whole .config to the form that ParseConfig accepts. It accepts everything
// that Kconfig itself accepts (scripts/kconfig/confdata.c, conf_read_simple), with the same
// meaning, and remarks on lines that do not mean what they seem to say.
type tidy struct {
	file    string
	lines   []string
	last    map[string]int // the index of the line that sets a symbol
	crlf    int
	blanks  int
	remarks []string
}

// tidied returns the converted text, with the same line numbers, and the remarks.
func tidied(file string, data []byte) ([]byte, []string) {
	t := &tidy{file: file, last: map[string]int{}}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	eachLine(data, t.add)
	if t.crlf > 0 {
		t.remark("%s: %d lines end in CRLF: read without the CR", file, t.crlf)
	}
	if t.blanks > 0 {
		t.remark("%s: %d lines end in white space: read without it", file, t.blanks)
	}
	return []byte(strings.Join(t.lines, "\n") + "\n"), t.remarks
}

func (t *tidy) remark(format string, args ...any) {
	t.remarks = append(t.remarks, fmt.Sprintf(format, args...))
}

// add converts and appends a line.
func (t *tidy) add(n int, line string) {
	if had := len(line); had > 0 {
		if line = strings.TrimSuffix(line, "\r"); len(line) < had {
			t.crlf++
		}
		if tight := strings.TrimRight(line, " \t\r"); tight != line {
			if tight != "" && tight[0] != '#' || strings.HasSuffix(tight, " is not set") {
				t.blanks++
			}
			line = tight
		}
	}
	if strings.HasPrefix(line, "#") {
		line = t.comment(n, line)
	} else {
		line = t.setting(n, line)
	}
	t.lines = append(t.lines, line)
	symbol, _, err := parseLine(line)
	if err != nil || symbol == "" {
		return
	}
	if first, twice := t.last[symbol]; twice {
		if t.lines[first] != line {
			t.remark("%s: CONFIG_%s: overridden in line %d", place(t.file, first+1), symbol, n)
		}
		t.lines[first] = ""
	}
	t.last[symbol] = len(t.lines) - 1
}

// comment empties a comment that ParseConfig would reject, and remarks on one that looks like a
// setting.
func (t *tidy) comment(n int, line string) string {
	if !utf8.ValidString(line) {
		return "#"
	}
	if _, _, err := parseComment(line); err != nil {
		t.remark("%s: %q is a comment to Kconfig and sets nothing", place(t.file, n), line)
		return "#"
	}
	if checkText(line) != nil {
		return "#"
	}
	return line
}

// setting converts a setting to the form that Kconfig writes.
func (t *tidy) setting(n int, line string) string {
	name, value, ok := strings.Cut(line, "=")
	switch {
	case !ok || !strings.HasPrefix(name, "CONFIG_"):
		return line
	case value == "": // Kconfig writes this for a number without a value
		return ""
	}
	short := value
	switch value[0] {
	case 'y', 'm', 'n': // the rest does not count
		short = value[:1]
	case '"':
		short = closed(value)
	}
	if short == value {
		return line
	}
	t.remark("%s: %s: read as %s=%s, as Kconfig reads it", place(t.file, n), line, name, short)
	return name + "=" + short
}

// closed returns a string up to its closing quote.
func closed(v string) string {
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return v[:i+1]
		}
	}
	return v
}
