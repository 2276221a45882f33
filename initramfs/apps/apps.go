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
//	  loopback:                             # or unix, or none
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
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

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
	// Ways are those it is used in: over loopback, over a Unix socket, with none.
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

// Load gives netstrip's own applications and those of the YAML files in dir, in the order
// of their names; a user's takes the place of one of ours of the same name. With no dir it
// gives ours. What is wrong with a file is a kconfigs.RequestError.
func Load(dir string) ([]App, error) {
	all := map[string]App{}
	err := load(embedded, "", all)
	if err == nil && dir != "" {
		err = load(os.DirFS(dir), dir, all)
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

// load adds the applications of the files in fsys, which people know as dir.
func load(fsys fs.FS, dir string, all map[string]App) error {
	wrong := &kconfigs.RequestError{}
	names, err := fs.Glob(fsys, "*.yaml")
	if _, serr := fs.Stat(fsys, "."); serr != nil {
		err = serr
	}
	if err == nil && len(names) == 0 {
		err = errors.New("there is no *.yaml in it")
	}
	if err != nil {
		wrong.Problems = []kconfigs.Problem{{File: dir, Text: fmt.Sprintf("reading the applications: %v", cause(err))}}
		return wrong
	}
	from := map[string]string{}
	for _, name := range names {
		file := path.Join(dir, name)
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			wrong.Problems = append(wrong.Problems, kconfigs.Problem{File: file, Text: cause(err).Error()})
			continue
		}
		app, problems := parse(file, data)
		if other := from[app.Name]; other != "" && problems == nil {
			problems = []kconfigs.Problem{{File: file, Text: fmt.Sprintf("name %q is that of the application in %s", app.Name, other)}}
		}
		wrong.Problems = append(wrong.Problems, problems...)
		all[app.Name], from[app.Name] = app, file
	}
	if len(wrong.Problems) > 0 {
		return wrong
	}
	return nil
}

// cause leaves out the path, which whoever tells of the error names.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// Wire gives the ways of all of them, for the guest.
func Wire(list []App) []wire.App {
	var ways []wire.App
	for _, a := range list {
		ways = append(ways, a.Ways...)
	}
	return ways
}

// Symbols gives the kernel's symbols that any of them needs, sorted, without CONFIG_.
func Symbols(list []App) []string {
	var all []string
	for _, a := range list {
		all = append(all, a.Symbols...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
