// Package programs lists everything that netstrip needs from the system it runs on: programs, C
// headers and files, and the packages that contain them on each distribution. It runs on the
// host. The list is programs.txt, which .ci/install reads too.
package programs

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/arch"
)

//go:embed programs.txt
var table string

// Program is a line of the list; programs.txt describes the columns.
type Program struct {
	// Name is a program, a C header (ends in .h) or a file (an absolute path).
	Name string
	// Others are further paths of the file: one is enough.
	Others []string
	// Uses are what needs it, such as boot or build.
	Uses []string
	// Required is false if netstrip works without it on this machine, except for the uses.
	Required bool
	// Version is the argument that prints its version, and Minimum the oldest version that
	// works. Each may be empty.
	Version, Minimum string
	// Package contains it on this system; empty if no package is known to. On an unknown system
	// it is Debian's.
	Package string
	// Debian is Debian's package.
	Debian string
}

// All returns the whole list for this machine, in the order of the file. What only builds
// kernels of this machine's own architecture on others is left out.
func All() []Program { return host().all(runtime.GOARCH) }

func (s system) all(goarch string) []Program {
	own := ""
	for _, a := range arch.All() {
		if a.GOARCH == goarch {
			own = a.Name
		}
	}
	heads := rows("what")[0]
	var all []Program
	for _, f := range rows("") {
		if f[1] == "build-"+own {
			continue
		}
		names := strings.Split(f[0], ":")
		p := Program{
			Name: names[0], Others: names[1:], Uses: strings.Split(f[1], ","), Required: f[2] == "yes" || f[2] == own,
			Version: known(f[3]), Minimum: known(f[4]), Debian: f[slices.Index(heads, "debian")],
		}
		p.Package = p.Debian
		if s.column != "" {
			p.Package = f[slices.Index(heads, s.column)]
		}
		if other, ok := s.except(f[0]); ok {
			p.Package = other
		}
		p.Package = known(p.Package)
		all = append(all, p)
	}
	return all
}

// rows returns the fields of the lines that begin with a word, or of the lines of the list
// itself.
func rows(kind string) (all [][]string) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if f[0] == kind || kind == "" && !slices.Contains([]string{"system", "except", "what"}, f[0]) {
			all = append(all, f)
		}
	}
	return all
}

// known returns the value of a cell, which is empty if it is "-".
func known(cell string) string {
	if cell == "-" {
		return ""
	}
	return cell
}

// For returns the names of everything that any of the uses needs.
func For(uses ...string) []string {
	var names []string
	for _, p := range All() {
		if slices.ContainsFunc(p.Uses, func(u string) bool { return slices.Contains(uses, u) }) {
			names = append(names, p.Name)
		}
	}
	return names
}

// Find returns the path of a program, which may be in /sbin, where the PATH of a plain user
// does not lead, or that of a file. The error names the package and wraps exec.ErrNotFound.
func Find(name string) (string, error) {
	if filepath.IsAbs(name) {
		return findFile(name)
	}
	for _, name := range []string{name, "/sbin/" + name} {
		if path, err := exec.LookPath(name); err == nil && !busybox(path) {
			return path, nil
		}
	}
	return "", Missing(name)
}

// busybox reports whether a program is busybox's, as on Alpine, which lacks most of the options
// that netstrip and the kernel's makefiles use.
func busybox(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	return err == nil && filepath.Base(target) == "busybox"
}

func findFile(name string) (string, error) {
	paths := []string{name}
	for _, p := range All() {
		if p.Name == name {
			paths = append(paths, p.Others...)
		}
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", Missing(name)
}

// linux begins the use of a package with a kernel's source; its series follows.
const linux = "linux-"

// Source reports whether it is a kernel's source.
func (p Program) Source() bool { return strings.HasPrefix(p.Uses[0], linux) }

// SourcePackage returns the package with the source of a kernel series on this system. It is empty
// if none is known, and Debian's on an unknown system.
func SourcePackage(series string) string {
	for _, p := range All() {
		if slices.Contains(p.Uses, linux+series) {
			return p.Package
		}
	}
	return ""
}

// Command returns the command that installs packages on this system. On an unknown system it
// says that it is Debian's.
func Command(packages ...string) string { return host().command(packages) }

// Missing returns the error for things that are not installed: it names the command that
// installs them here, and wraps exec.ErrNotFound.
func Missing(names ...string) error { return host().missing(names...) }

func (s system) missing(names ...string) error {
	e := &missingError{names: names}
	var packages []string
	for _, p := range s.all(runtime.GOARCH) {
		switch {
		case !slices.Contains(names, p.Name):
		case p.Package == "":
			e.unknown = append(e.unknown, p)
		case !slices.Contains(packages, p.Package):
			packages = append(packages, p.Package)
		}
	}
	if packages != nil {
		e.command = s.command(packages)
	}
	return e
}

// missingError names what is missing, the command for what packages contain, and the rest.
type missingError struct {
	names   []string
	command string
	unknown []Program
}

func (e *missingError) Error() string {
	var parts []string
	if e.command != "" {
		parts = append(parts, e.command)
	}
	for _, p := range e.unknown {
		if len(e.names) == 1 {
			parts = append(parts, p.How())
		} else {
			parts = append(parts, p.Name+": "+p.How())
		}
	}
	text := "missing " + strings.Join(e.names, ", ")
	if parts != nil {
		text += ": " + strings.Join(parts, "; ") + " (see netstrip doctor)"
	}
	return text
}

func (e *missingError) Unwrap() error { return exec.ErrNotFound }

// How says how to install it on this system.
func (p Program) How() string { return p.how(host()) }

func (p Program) how(s system) string {
	if p.Package == "" {
		return "no package of this system is known to contain it; Debian's is " + p.Debian
	}
	return s.command([]string{p.Package})
}

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
