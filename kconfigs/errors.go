package kconfigs

import (
	"errors"
	"fmt"
	"slices"
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

// Error gives one line for each problem.
func (e *RequestError) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// String gives the problem as compilers do: file:line: symbol: text.
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

// orNil gives e as an error if there is anything wrong.
func (e *RequestError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// didYouMean gives ", did you mean X or Y?" for the names nearest to name, and
// nothing when none is near.
func didYouMean(name string, names []string) string {
	best := 1 + len(name)/4
	var near []string
	for _, n := range names {
		d := distance(name, n, best)
		if d > best {
			continue
		}
		if d < best {
			best, near = d, nil
		}
		near = append(near, n)
	}
	if len(near) == 0 {
		return ""
	}
	slices.Sort(near)
	return "; did you mean " + strings.Join(near[:min(len(near), 3)], " or ") + "?"
}

// distance is the number of letters to insert, delete, change or swap with their
// neighbour to make b of a; it may stop counting beyond limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
