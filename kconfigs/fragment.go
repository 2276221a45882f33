package kconfigs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/netstrip/netstrip/kconfigs/packed"
)

// maxFragment and maxConfig are the largest sizes of a fragment and of a whole .config, in
// bytes.
const maxFragment, maxConfig = 1 << 20, 8 << 20

// Fragment is a short piece of .config. Besides the lines of a .config it may have conditions,
// which the kernel's own tools read as comments:
//
//	# if it exists: CONFIG_PVH=y
//	# if CONFIG_X86 exists: CONFIG_KERNEL_GZIP=y
//	CONFIG_PROC_SYSCTL=y
//	# or CONFIG_SYSCTL=y
//
// A symbol exists if the kernel's Kconfig files define it. The last form is a setting that another
// symbol stands for in other kernels: the first one that exists is requested.
type Fragment struct {
	// Name is the name of the file, as errors cite it.
	Name string
	// Arch is the name of the architecture that it is for, if it says so.
	Arch string
	// Settings are in the order of the file.
	Settings []Setting
}

// Setting is one requested symbol.
type Setting struct {
	// Symbol is the name without CONFIG_.
	Symbol string
	// Value is written as in a .config: y, m, n, a number, or a quoted string.
	Value string
	// Fragment and Line are the position of the request.
	Fragment string
	Line     int
	// If are the symbols that must exist for the setting to apply, and Or those to set instead of
	// one that does not exist; separated by spaces.
	If, Or string
}

// ReadFragment reads a user's fragment. A file that cannot be read is a RequestError too,
// because the user named it.
func ReadFragment(path string) (Fragment, error) {
	data, err := packed.ReadFile(path, maxFragment)
	if err != nil {
		e := &RequestError{}
		e.add(path, 0, "", "reading the fragment: %v", err)
		return Fragment{}, e
	}
	a, err := archOf(path, data)
	if err != nil {
		return Fragment{}, err
	}
	f, err := ParseFragment(path, data)
	f.Arch = a.Name
	return f, err
}

// ParseFragment reads a fragment strictly; errors cite name. Setting a symbol twice is an error
// even if both lines agree: deleting one of them would not remove the symbol.
func ParseFragment(name string, data []byte) (Fragment, error) {
	f := Fragment{Name: name}
	e := &RequestError{}
	first := map[string]int{}
	crlf := false
	last := 0 // the line of the setting that a line before ends with
	eachLine(data, func(n int, line string) {
		line, exists, or := condition(line)
		symbol, value, err := parseLine(line)
		if err == nil && symbol == "" && misspelled.MatchString(line) {
			err = errMisspelled
		}
		if or && err == nil {
			err = f.addOr(symbol, value, last == n-1)
			symbol = ""
		}
		if or || symbol != "" {
			last = n
		}
		switch {
		case errors.Is(err, errCRLF) && crlf: // reported once, because it concerns the whole file
		case errors.Is(err, errCRLF):
			crlf = true
			e.add(name, n, "", "%v", err)
		case err != nil:
			e.add(name, n, "", "%v", err)
		case symbol == "":
		case first[symbol] > 0:
			e.add(name, n, symbol, "already set in line %d", first[symbol])
		default:
			first[symbol] = n
			if exists == itself {
				exists = symbol
			}
			f.Settings = append(f.Settings, Setting{Symbol: symbol, Value: value, Fragment: name, Line: n, If: exists})
		}
	})
	return f, e.orNil()
}

// eachLine calls do with every line of data and its number, from 1.
func eachLine(data []byte, do func(n int, line string)) {
	for n := 1; len(data) > 0; n++ {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		do(n, string(line))
		data = rest
	}
}

// parseLine reads one line of a fragment or a .config. The symbol is empty for a blank line or
// a comment. For "# CONFIG_X is not set" the value is n, as in the kernel.
func parseLine(line string) (symbol, value string, err error) {
	if err := checkText(line); err != nil {
		return "", "", err
	}
	if line == "" {
		return "", "", nil
	}
	if line[0] == '#' {
		return parseComment(line)
	}
	name, value, ok := strings.Cut(line, "=")
	switch {
	case !ok:
		return "", "", fmt.Errorf(`%q is neither "CONFIG_NAME=value", "# CONFIG_NAME is not set" nor a comment`, line)
	case isName(name) && !strings.HasPrefix(name, "CONFIG_"):
		return "", "", fmt.Errorf("%q lacks the prefix: write CONFIG_%s", line, line)
	case !isName(name) || name == "CONFIG_":
		return "", "", fmt.Errorf("%q is not the name of a symbol", name)
	}
	if err := checkValue(value); err != nil {
		return "", "", fmt.Errorf("%s: %w", name, err)
	}
	return strings.TrimPrefix(name, "CONFIG_"), value, nil
}

// parseComment distinguishes "# CONFIG_X is not set" from a comment. A misspelling of it is an
// error, because kconfig would ignore the line.
func parseComment(line string) (symbol, value string, err error) {
	const pre, post = "# CONFIG_", " is not set"
	if name, ok := strings.CutPrefix(line, pre); ok {
		if name, ok := strings.CutSuffix(name, post); ok && isName(name) {
			return name, "n", nil
		}
	}
	words := strings.Fields(strings.TrimLeft(line, "#"))
	if len(words) == 4 && strings.HasPrefix(words[0], "CONFIG_") &&
		strings.HasPrefix(strings.Join(words[1:], " "), "is not set") {
		return "", "", fmt.Errorf("%q would be read as a comment: write %q", line, pre+words[0][7:]+post)
	}
	return "", "", nil
}

var errCRLF = errors.New("the line ends in CRLF: save the file with Unix line ends")

func checkText(line string) error {
	switch {
	case !utf8.ValidString(line):
		return fmt.Errorf("%q is not UTF-8", line)
	case strings.HasSuffix(line, "\r"):
		return errCRLF
	case strings.HasPrefix(line, "\ufeff"):
		return errors.New("the file begins with a byte order mark: save it without one")
	case strings.TrimSpace(line) != line:
		return fmt.Errorf("%q begins or ends with white space", line)
	case strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }):
		return fmt.Errorf("%q contains a control character", line)
	}
	return nil
}

func checkValue(v string) error {
	switch {
	case v == "":
		return errors.New("no value after the =; an empty string is written \"\"")
	case v[0] == '"':
		return checkQuoted(v)
	case v == "y" || v == "m" || v == "n" || isNumber(v):
		return nil
	}
	return fmt.Errorf("%q is neither y, m, n, a number nor a string in quotes", v)
}

// checkQuoted accepts strings as kconfig writes them: in quotes, with " and \ inside escaped
// by \.
func checkQuoted(v string) error {
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			if i == len(v)-1 {
				return nil
			}
			return fmt.Errorf("%q follows the string's closing quote", v[i+1:])
		}
	}
	return errors.New("the string lacks its closing quote")
}

func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isWord(r) })
}

func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
