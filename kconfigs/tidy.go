package kconfigs

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// tidy is a whole .config on its way to what ParseConfig reads strictly. What Kconfig
// itself reads (scripts/kconfig/confdata.c, conf_read_simple) must be read here as well,
// or as it was meant, and where that is not what the line seems to say there is a remark.
type tidy struct {
	file    string
	lines   []string
	last    map[string]int // the index of the line that sets a symbol
	crlf    int
	blanks  int
	remarks []string
}

// tidied returns the text, line for line, and the remarks.
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

// add takes a line.
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
			t.remark("%s: CONFIG_%s: set again in line %d, which counts", place(t.file, first+1), symbol, n)
		}
		t.lines[first] = ""
	}
	t.last[symbol] = len(t.lines) - 1
}

// comment leaves out a comment that cannot be one of ours, and tells of one that looks
// like a setting.
func (t *tidy) comment(n int, line string) string {
	if !utf8.ValidString(line) {
		return "#"
	}
	if _, _, err := parseComment(line); err != nil {
		t.remark("%s: %q is a comment to Kconfig, which sets nothing", place(t.file, n), line)
		return "#"
	}
	if checkText(line) != nil {
		return "#"
	}
	return line
}

// setting puts a setting into the form in which Kconfig writes it.
func (t *tidy) setting(n int, line string) string {
	name, value, ok := strings.Cut(line, "=")
	switch {
	case !ok || !strings.HasPrefix(name, "CONFIG_"):
		return line
	case value == "": // a number that was never given, as Kconfig writes it
		return ""
	}
	short := value
	switch value[0] {
	case 'y', 'm', 'n': // nothing behind counts
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
