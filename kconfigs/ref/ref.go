// Package ref parses and prints the names of kernels. It runs on the host. No other code takes
// such a name apart or builds one.
package ref

import (
	"path"
	"strings"
)

// apps marks the name of a kernel that has what applications need besides the network.
const apps = "apps"

// Ref is the name of a kernel, or of a boot of it:
//
//	BASE[+apps][+FRAGMENT]...[/INIT][@SERIES]
//
// "no-inet", "full+apps", "full+mine/busybox", "full@6.1".
type Ref struct {
	// Base is the name of a profile, or of a kernel or .config of the user's.
	Base string
	// Apps is set where the kernel has what applications need besides the network.
	Apps bool
	// Added are the names of the user's fragments, in their order. That of a file ".config"
	// is empty.
	Added []string
	// Init is the init that is booted into; empty for the usual one.
	Init string
	// Series is the kernel series, as 6.1; empty where it is not said.
	Series string
}

// Parse parses a name. A name that does not have the form of one, for example because its base
// is missing, becomes the Base as a whole: String always returns what was parsed.
func Parse(name string) Ref {
	var r Ref
	rest := name
	at, slash := false, false
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest, r.Series, at = rest[:i], rest[i+1:], true
	}
	rest, r.Init, slash = strings.Cut(rest, "/")
	parts := strings.Split(rest, "+")
	if parts[0] == "" || slash && r.Init == "" || at && r.Series == "" {
		return Ref{Base: name}
	}
	r.Base, parts = parts[0], parts[1:]
	if len(parts) > 0 && parts[0] == apps {
		r.Apps, parts = true, parts[1:]
	}
	if len(parts) > 0 {
		r.Added = parts
	}
	return r
}

// Plain returns what a file is called in a name: its base name without .config, of letters,
// digits, ".", "-" and "_" alone.
func Plain(file string) string {
	name := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, strings.TrimSuffix(path.Base(file), ".config"))
	if name == apps { // it would be taken for the mark
		return apps + ".config"
	}
	return name
}

// Profile returns the name of the kernel alone, without init and series.
func (r Ref) Profile() string {
	r.Init, r.Series = "", ""
	return r.String()
}

// String returns the name.
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(r.Base)
	if r.Apps {
		b.WriteString("+" + apps)
	}
	for _, f := range r.Added {
		b.WriteString("+" + f)
	}
	if r.Init != "" {
		b.WriteString("/" + r.Init)
	}
	if r.Series != "" {
		b.WriteString("@" + r.Series)
	}
	return b.String()
}
