// Package apps reads the declarations of the real applications that are started in the guest
// and queried by a real client: one YAML file each, embedded here or in a user's directory.
// It runs on the host, and passes them to the guest as wire.App. Package image makes their
// disk. A file looks like this:
//
//	name: redis
//	packages: [redis-server, redis-tools]   # Debian packages
//	npm: [vite@5.4.21]                      # npm packages, in /srv/NAME/node_modules
//	symbols: [TUN]                          # kernel symbols, besides those all need
//	make:                                   # once, when the disk is made
//	  files: {/etc/x.conf: text}            # before the packages are installed
//	  run: [{run: x --init, user: redis}]   # afterwards
//	files: {/srv/y: text}                   # written before the start, in every way
//	ways:
//	  loopback:                             # or veth, unix, none
//	    files: {/etc/z.conf: text}
//	    setup: [{run: mkdir /run/redis}]    # each must exit with 0
//	    services:                           # started in order, when the previous is ready
//	      - run: redis-server --port 6379
//	        user: redis
//	        ready: {run: redis-cli ping}    # repeated until it exits with 0
//	        log: /var/log/redis.log         # searched for errors, like the output
//	    ask: {run: redis-cli get answer}    # the client; must exit with 0
//	    expect: ^42$                        # regular expression for its output
//	    seconds: 60                         # time limit for all of this
//
// A command is a list of words, or text that is split at white space, and may have user, env
// and dir. Each way starts as root on a fresh copy of the disk.
package apps

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/file"
)

//go:embed *.yaml
var embedded embed.FS

// App is an application: its part of the disk and the ways of using it.
type App struct {
	// Name is the common name, such as "redis".
	Name string
	// Packages are the Debian packages that it needs.
	Packages []string
	// NPM are npm packages, as NAME@VERSION, which go to /srv/NAME/node_modules.
	NPM []string
	// Symbols are kernel symbols that it needs besides those that all applications need.
	Symbols []string
	// Make is done once, when the disk is made.
	Make Make
	// Ways are the ways of using it: over loopback, a veth pair, a Unix socket, or none.
	Ways []wire.App
}

// Make is what is done for an application when the disk is made.
type Make struct {
	// Files, by absolute path, are written before the packages are installed, which keep
	// them. A file that begins with #! is made executable.
	Files map[string]string
	// Run are run after the packages have been installed; each must exit with 0.
	Run []wire.Command
}

// Load returns the built-in applications and those of the YAML files in dir, sorted by
// name. An application in dir replaces a built-in one of the same name; dir may be empty. A
// mistake in a file is a kconfigs.RequestError. Load returns early when ctx ends.
func Load(ctx context.Context, dir string) ([]App, error) {
	all, err := ours()
	if err == nil && dir != "" {
		err = load(ctx, dir, all)
	}
	if err != nil {
		return nil, err
	}
	var list []App
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[name])
	}
	return list, nil
}

// ours returns the built-in applications by name.
func ours() (map[string]App, error) {
	all := map[string]App{}
	names, err := fs.Glob(embedded, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := embedded.ReadFile(name)
		if err != nil {
			return nil, err
		}
		app, problems := parse(name, data)
		if problems != nil {
			return nil, &kconfigs.RequestError{Problems: problems}
		}
		all[app.Name] = app
	}
	return all, nil
}

// load adds the applications of the files in dir to all.
func load(ctx context.Context, dir string, all map[string]App) error {
	wrong := &kconfigs.RequestError{}
	names, err := list(dir)
	if err != nil {
		wrong.Problems = []kconfigs.Problem{{File: dir, Text: fmt.Sprintf("reading the applications: %v", file.Cause(err))}}
		return wrong
	}
	from := map[string]string{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		name = filepath.Join(dir, name)
		app, problems := read(name)
		if other := from[app.Name]; other != "" && problems == nil {
			problems = []kconfigs.Problem{{File: name, Text: fmt.Sprintf("name %q is already used in %s", app.Name, other)}}
		}
		if wrong.Problems = append(wrong.Problems, problems...); len(wrong.Problems) >= maxProblems {
			break
		}
		all[app.Name], from[app.Name] = app, name
	}
	if len(wrong.Problems) > 0 {
		return wrong
	}
	return nil
}

// list returns the names of the YAML files in dir, sorted.
func list(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".yaml") {
			names = append(names, e.Name())
		}
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("no *.yaml files")
	case len(names) > maxEntries:
		return nil, fmt.Errorf("%d *.yaml files, want at most %d", len(names), maxEntries)
	}
	return names, nil
}

// Wire returns the ways of all applications in the list, for the guest.
func Wire(list []App) []wire.App {
	var ways []wire.App
	for _, a := range list {
		ways = append(ways, a.Ways...)
	}
	return ways
}

// Own returns the IDs of the ways in the list that have no expectation, because they are not
// built in or are declared differently. It also returns the IDs of built-in ways that an
// application in the list lacks, since no answer may be expected from those.
func Own(list []App) ([]string, error) {
	known, err := ours()
	if err != nil {
		return nil, err
	}
	var own []string
	for _, a := range list {
		us := known[a.Name]
		changed := !reflect.DeepEqual([]any{us.Packages, us.NPM, us.Make}, []any{a.Packages, a.NPM, a.Make})
		for _, w := range a.Ways {
			same := func(o wire.App) bool { return reflect.DeepEqual(o, w) }
			if changed || !slices.ContainsFunc(us.Ways, same) {
				own = append(own, w.ID)
			}
		}
		for _, w := range us.Ways {
			if !slices.ContainsFunc(a.Ways, func(o wire.App) bool { return o.ID == w.ID }) {
				own = append(own, w.ID)
			}
		}
	}
	return own, nil
}
