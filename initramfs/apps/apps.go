// Package apps declares the real applications that are started in the guest and asked
// something by a real client: a YAML file each, embedded, and those of a user's own. It
// runs on the host; the guest is told of them as wire.App. Package image makes the disk
// that they stand on. A file says
//
//	name: redis
//	packages: [redis-server, redis-tools]   # of Debian
//	npm: [vite@5.4.21]                      # of npm, if any; to /srv/NAME/node_modules
//	symbols: [TUN]                          # of the kernel, besides what all need
//	make:                                   # once, as the disk is made
//	  files: {/etc/x.conf: text}            # before the packages are installed
//	  run: [{run: x --init, user: redis}]   # after
//	files: {/srv/y: text}                   # before it is started, in every way
//	ways:
//	  loopback:                             # or veth, unix, none
//	    files: {/etc/z.conf: text}
//	    setup: [{run: mkdir /run/redis}]    # run to its end
//	    services:                           # stay, each started when that before is ready
//	      - run: redis-server --port 6379
//	        user: redis
//	        ready: {run: redis-cli ping}    # until it exits with 0
//	        log: /var/log/redis.log         # besides its output
//	    ask: {run: redis-cli get answer}    # the client
//	    expect: ^42$                        # its output, and exit status 0
//	    seconds: 60                         # the limit of it all
//
// What is run is a list of words, or text that is split at white space; it may have user,
// env and dir. It starts as root, on a disk of its own that is thrown away after it.
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
)

//go:embed *.yaml
var embedded embed.FS

// App is an application: what the disk must have for it, and the ways of using it.
type App struct {
	// Name is what people call it: "redis".
	Name string
	// Packages are Debian's packages that it takes.
	Packages []string
	// NPM are packages of npm, as NAME@VERSION, which go to /srv/NAME/node_modules.
	NPM []string
	// Symbols are the kernel's that it needs besides what all need.
	Symbols []string
	// Make says what is done once, as the image is made.
	Make Make
	// Ways are those it is used in: over loopback, a veth pair, a Unix socket, or none.
	Ways []wire.App
}

// Make is how an application is put into the image.
type Make struct {
	// Files are there before the packages are installed, which leave them as they are.
	// They are by absolute path; one that begins with #! can be executed.
	Files map[string]string
	// Run are run when the packages are installed, each of which must exit with 0.
	Run []wire.Command
}

// Load returns netstrip's own applications and those of the YAML files in dir, in the order
// of their names; a user's takes the place of one of ours of the same name. With no dir it
// returns ours. What is wrong with a file is a kconfigs.RequestError. It ends when ctx does.
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

// ours are netstrip's own applications by their names.
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

// load adds the applications of the files in dir.
func load(ctx context.Context, dir string, all map[string]App) error {
	wrong := &kconfigs.RequestError{}
	names, err := list(dir)
	if err != nil {
		wrong.Problems = []kconfigs.Problem{{File: dir, Text: fmt.Sprintf("reading the applications: %v", cause(err))}}
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
			problems = []kconfigs.Problem{{File: name, Text: fmt.Sprintf("name %q is that of the application in %s", app.Name, other)}}
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
		return nil, errors.New("there is no *.yaml in it")
	case len(names) > maxEntries:
		return nil, fmt.Errorf("there are %d *.yaml in it, want at most %d", len(names), maxEntries)
	}
	return names, nil
}

// cause leaves out the path, which whoever tells of the error names.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// Wire returns the ways of all of them, for the guest.
func Wire(list []App) []wire.App {
	var ways []wire.App
	for _, a := range list {
		ways = append(ways, a.Ways...)
	}
	return ways
}

// Own returns the IDs of those ways in the list of which nothing is known: of applications
// that are not ours, or not as we declare them, and of ways that we do not have. Ways of
// ours that are not in the list are among them: nobody may expect an answer of those.
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

// Symbols returns the kernel's symbols that any of them needs, sorted, without CONFIG_.
func Symbols(list []App) []string {
	var all []string
	for _, a := range list {
		all = append(all, a.Symbols...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
