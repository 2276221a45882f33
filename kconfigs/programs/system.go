package programs

import (
	"os"
	"slices"
	"strings"
	"sync"
)

// system is what the list says about a distribution.
type system struct {
	// words identify it, the most specific first.
	words []string
	// column is the family whose packages it has; empty if it is unknown.
	column string
	// install is the command that installs packages.
	install string
}

// host is the system that netstrip runs on.
var host = sync.OnceValue(func() system {
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if text, err := os.ReadFile(path); err == nil {
			return parseSystem(string(text))
		}
	}
	return system{}
})

// parseSystem returns the system of an os-release(5) file. .ci/install does the same.
func parseSystem(release string) system {
	values := map[string]string{}
	for line := range strings.Lines(release) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	var s system
	for _, key := range []string{"ID", "ID_LIKE", "UBUNTU_CODENAME", "DEBIAN_CODENAME", "VERSION_CODENAME"} {
		s.words = append(s.words, strings.Fields(values[key])...)
	}
	listed := map[string][]string{}
	for _, f := range rows("system") {
		listed[f[1]] = f
	}
	for _, word := range s.words {
		if f, ok := listed[word]; ok {
			if f[2] != "-" {
				s.column, s.install = f[2], strings.Join(f[3:], " ")
			}
			break
		}
	}
	return s
}

// except returns the package of what on this system if an exception names it.
func (s system) except(what string) (pkg string, ok bool) {
	for _, f := range rows("except") {
		if f[2] == what && slices.Contains(s.words, f[1]) {
			return f[3], true
		}
	}
	return "", false
}

// command returns what installs packages, which are Debian's if the system is unknown.
func (s system) command(packages []string) string {
	if s.column == "" {
		return "on Debian: apt-get install " + strings.Join(packages, " ")
	}
	return s.install + " " + strings.Join(packages, " ")
}
