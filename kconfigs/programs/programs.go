// Package programs lists everything that netstrip needs from the system it runs on: programs, C
// headers and files, and the packages that contain them. It runs on the host. The list is
// programs.txt, which .ci/install reads too.
package programs

import (
	_ "embed"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed programs.txt
var table string

// Program is a line of the list; programs.txt describes the columns.
type Program struct {
	// Name is a program, a C header (ends in .h) or a file (an absolute path).
	Name string
	// Uses are what needs it, such as boot or build.
	Uses []string
	// Required is false if netstrip works without it, except for the uses.
	Required bool
	// Version is the argument that prints its version, and Minimum the oldest version that
	// works. Each may be empty.
	Version, Minimum string
	// Package is Debian's package that contains it.
	Package string
}

// All returns the whole list, in the order of the file.
func All() []Program {
	var all []Program
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" || f[0] == "what" {
			continue
		}
		for i := range f {
			if f[i] == "-" {
				f[i] = ""
			}
		}
		all = append(all, Program{f[0], strings.Split(f[1], ","), f[2] == "yes", f[3], f[4], f[5]})
	}
	return all
}

// For returns the names of everything that a use needs.
func For(use string) []string {
	var names []string
	for _, p := range All() {
		if slices.Contains(p.Uses, use) {
			names = append(names, p.Name)
		}
	}
	return names
}

// Find returns the path of a program, which may be in /sbin, where the PATH of a plain user
// does not lead. The error names the package and wraps exec.ErrNotFound.
func Find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	if path, err := exec.LookPath("/sbin/" + name); err == nil {
		return path, nil
	}
	return "", Missing(name)
}

// Missing returns the error for things that are not installed: it names the packages that
// contain them, and wraps exec.ErrNotFound.
func Missing(names ...string) error {
	var packages []string
	for _, p := range All() {
		if slices.Contains(names, p.Name) && !slices.Contains(packages, p.Package) {
			packages = append(packages, p.Package)
		}
	}
	return &missingError{names, packages}
}

type missingError struct{ names, packages []string }

func (e *missingError) Error() string {
	text := "missing " + strings.Join(e.names, ", ")
	if e.packages != nil {
		text += fmt.Sprintf(": apt-get install %s (see netstrip doctor)", strings.Join(e.packages, " "))
	}
	return text
}

func (e *missingError) Unwrap() error { return exec.ErrNotFound }

// TooOld reports whether a program that prints its version as said is older than Minimum.
func (p Program) TooOld(said string) bool {
	return p.Minimum != "" && slices.Compare(numbers(said), numbers(p.Minimum)) < 0
}

// numbers returns the parts of the first version number in a text: 2 and 40 for "GNU ld 2.40".
func numbers(text string) []int {
	var all []int
	for part := range strings.SplitSeq(regexp.MustCompile(`\d+(\.\d+)*`).FindString(text), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		all = append(all, n)
	}
	return all
}
