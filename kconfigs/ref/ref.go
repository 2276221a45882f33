// Package ref parses and prints the names of kernels. It runs on the host. No other code takes
// such a name apart or builds one.
package ref

import (
	"path"
	"strings"
)

// apps marks the name of a kernel with the additions for applications.
const apps = "apps"

// Ref is the name of a kernel, or of a boot of it:
//
//	BASE[+apps][+FRAGMENT]...[/INIT][@VARIANT]
//
// "no-inet", "full+apps", "full+mine/busybox", "full@6.1", "full@arm64", "full@6.1-arm64".
type Ref struct {
	// Base is the name of a profile, or of the user's kernel or .config.
	Base string
	// Apps is set if the kernel has what applications need in addition to the network.
	Apps bool
	// Added are the names of the user's fragments, in their order. The name for a file ".config"
	// is empty.
	Added []string
	// Init is the name of the init; empty for the default.
	Init string
	// Series is the kernel series, such as 6.1, and Arch the name of the architecture; empty if
	// not specified.
	Series, Arch string
}

// Variant returns how names write a series and an architecture: "6.1", "arm64", "6.1-arm64".
func Variant(series, arch string) string {
	if series == "" || arch == "" {
		return series + arch
	}
	return series + "-" + arch
}

// variant takes what Variant returns apart.
func variant(text string) (series, arch string) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return "", text
	}
	series, arch, _ = strings.Cut(text, "-")
	return series, arch
}

// Parse parses a name. If it is malformed, for example because its base is missing, the whole name
// becomes the Base: String always returns what was parsed.
func Parse(name string) Ref {
	var r Ref
	rest := name
	at, slash := false, false
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		r.Series, r.Arch = variant(rest[i+1:])
		rest, at = rest[:i], true
	}
	rest, r.Init, slash = strings.Cut(rest, "/")
	parts := strings.Split(rest, "+")
	if parts[0] == "" || slash && r.Init == "" || at && Variant(r.Series, r.Arch) == "" {
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

// Plain returns the form in which a Ref contains the name of a file: the base name without .config,
// with all characters but letters, digits, "." and "-" replaced by "_".
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

// Profile returns the name of the kernel alone, without init, series and architecture.
func (r Ref) Profile() string {
	r.Init, r.Series, r.Arch = "", "", ""
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
	if v := Variant(r.Series, r.Arch); v != "" {
		b.WriteString("@" + v)
	}
	return b.String()
}
