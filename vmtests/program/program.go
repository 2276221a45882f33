// Package program identifies the running netstrip. It runs on the host.
package program

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// Program identifies a build of netstrip.
type Program struct {
	// Version is the version of its module, or "devel" if that is unknown.
	Version string `json:"version"`
	// Commit is the commit it was built from, if known; Modified reports uncommitted changes.
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
}

// This returns the running netstrip.
func This() *Program {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return &Program{Version: "devel"}
	}
	return of(info)
}

func of(info *debug.BuildInfo) *Program {
	p := &Program{Version: cmp.Or(strings.Trim(info.Main.Version, "()"), "devel")}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			p.Commit = s.Value
		case "vcs.modified":
			p.Modified = s.Value == "true"
		}
	}
	return p
}

// String returns the version for people.
func (p *Program) String() string {
	if p == nil {
		return "unknown"
	}
	text := p.Version
	if p.Commit != "" {
		text += ", commit " + p.Commit[:min(12, len(p.Commit))]
	}
	if p.Modified {
		text += ", modified"
	}
	return text
}
