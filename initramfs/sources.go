package initramfs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/netstrip/netstrip/kconfigs/process"
)

// sourceMark begins the lines of listTemplate, which distinguishes them from the go
// command's messages.
const sourceMark = "netstrip source"

// listTemplate makes go list print the directory and all compiled or embedded files of each
// package that go.sum does not pin: those of the module itself, and of directories that
// replace modules in go.mod.
const listTemplate = `{{with .Module}}{{if or .Main (and .Replace (not .Replace.Version))}}` + sourceMark +
	`{{"\t"}}{{$.Dir}}{{range $.GoFiles}}{{"\t"}}{{.}}{{end}}{{range $.SFiles}}{{"\t"}}{{.}}{{end}}{{range $.HFiles}}{{"\t"}}{{.}}{{end}}` +
	`{{range $.SysoFiles}}{{"\t"}}{{.}}{{end}}{{range $.EmbedFiles}}{{"\t"}}{{.}}{{end}}{{end}}{{end}}`

// sources are the files that the guest's programs are built from.
type sources struct {
	// files are sorted and relative to the module, including go.mod and go.sum.
	files []string
	// dirs are the directories of the packages, with the names in each.
	dirs map[string][]string
}

// listSources asks the go command for the sources of the image. It ignores broken packages,
// because the build will report them.
func listSources(ctx context.Context, g guestSource) (sources, error) {
	s := sources{files: []string{"go.mod", "go.sum"}, dirs: map[string][]string{}}
	module := g.module
	var lines []string
	_, err := process.Run(ctx, process.Command{
		Args: []string{"go", "list", "-e", "-deps", "-f", listTemplate, initPackage, cmdsPackage + g.uinit},
		Dir:  module,
		Env:  append(g.env(), "PWD="+module), // go list derives Dir from it
		OnLine: func(l string) {
			if rest, ok := strings.CutPrefix(l, sourceMark+"\t"); ok {
				lines = append(lines, rest)
			}
		},
	})
	if err != nil {
		return s, fmt.Errorf("listing the guest's sources: %w", err)
	}
	for _, l := range lines {
		fields := strings.Split(l, "\t")
		dir, err := filepath.Rel(module, fields[0])
		if err != nil {
			return s, fmt.Errorf("listing the guest's sources: %w", err)
		}
		if s.dirs[dir], err = namesIn(filepath.Join(module, dir)); err != nil {
			return s, err
		}
		for _, name := range fields[1:] {
			s.files = append(s.files, filepath.Join(dir, name))
			if sub := filepath.Dir(name); sub != "." { // embedded
				if s.dirs[filepath.Join(dir, sub)], err = namesIn(filepath.Join(module, dir, sub)); err != nil {
					return s, err
				}
			}
		}
	}
	slices.Sort(s.files)
	return s, nil
}

// namesIn returns the sorted names in a directory.
func namesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing the guest's sources: %w", err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// guestSource is a guest program, the module that it is in, and Go's name of the architecture.
type guestSource struct{ module, uinit, goarch string }

func (g guestSource) env() []string { return buildEnv(g.goarch) }

// memory keeps the results of listSources, which takes far longer than hashing.
type memory struct {
	mu    sync.Mutex
	known map[guestSource]remembered
}

// remembered is a list of sources and their key.
type remembered struct {
	sources

	key string
}

// listedSources is the memory of this process.
var listedSources memory

// key returns the hash of everything that goes into the image. It lists the sources again
// only if those it found last have changed, or the names in their directories: nothing else
// decides what is compiled.
func (m *memory) key(ctx context.Context, g guestSource, version string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.known[g]; ok && last.sameNames(g.module) {
		if key, err := hashSources(g, version, last.files); err == nil && key == last.key {
			return key, nil
		}
	}
	now, err := listSources(ctx, g)
	if err != nil {
		return "", err
	}
	key, err := hashSources(g, version, now.files)
	if err != nil {
		return "", err
	}
	if m.known == nil {
		m.known = map[guestSource]remembered{}
	}
	m.known[g] = remembered{now, key}
	return key, nil
}

// sameNames reports whether the directories contain the same names as before.
func (s sources) sameNames(module string) bool {
	for dir, had := range s.dirs {
		if names, err := namesIn(filepath.Join(module, dir)); err != nil || !slices.Equal(names, had) {
			return false
		}
	}
	return true
}
