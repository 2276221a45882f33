package kconfigs

import (
	"errors"
	"fmt"
	"strings"
)

// RequestError lists everything that is wrong with a request, a fragment or the name of a
// profile. These are mistakes of the user, not failures of the kernel or of netstrip.
type RequestError struct {
	// Problems is never empty. The problems found by one step are sorted by file and line.
	Problems []Problem
}

// Problem is one mistake.
type Problem struct {
	// File and Line are its position. Line is 0 if it concerns the whole file, and File is empty
	// if it is not in a file.
	File string
	Line int
	// Symbol is the symbol that it concerns, without CONFIG_, or empty.
	Symbol string
	// Text describes it.
	Text string
}

// Error returns one line for each problem.
func (e *RequestError) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// String returns the problem in the format of compilers: file:line: symbol: text.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Symbol != "" {
		b.WriteString("CONFIG_" + p.Symbol + ": ")
	}
	return b.String() + p.Text
}

func (e *RequestError) add(file string, line int, symbol, format string, args ...any) {
	e.Problems = append(e.Problems, Problem{file, line, symbol, fmt.Sprintf(format, args...)})
}

// join adds the problems of err, which is nil or a RequestError.
func (e *RequestError) join(err error) {
	if other, ok := errors.AsType[*RequestError](err); ok {
		e.Problems = append(e.Problems, other.Problems...)
	}
}

// orNil returns e, or nil if it has no problems.
func (e *RequestError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}
