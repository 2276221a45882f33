package kconfigs

import (
	"errors"
	"fmt"
	"strings"
)

// RequestError is everything that is wrong with a request, a fragment or the name of
// a profile: the fault of who asked, not of the kernel and not of the rig.
type RequestError struct {
	// Problems are never empty, and sorted by file and line within one step.
	Problems []Problem
}

// Problem is one thing to mend.
type Problem struct {
	// File and Line say where it stands; no File, no Line: it is not in a file.
	File string
	Line int
	// Symbol is what it is about, without CONFIG_; empty when about none.
	Symbol string
	// Text says what is wrong.
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

// String returns the problem as compilers do: file:line: symbol: text.
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

// join takes over the problems of err, which is nil or a RequestError.
func (e *RequestError) join(err error) {
	if other, ok := errors.AsType[*RequestError](err); ok {
		e.Problems = append(e.Problems, other.Problems...)
	}
}

// orNil returns e as an error if there is anything wrong.
func (e *RequestError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}
