package apps

import (
	"bytes"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"go.yaml.in/yaml/v3"
)

// declaration is a YAML file.
type declaration struct {
	Name     string
	Packages []string
	NPM      []string
	Symbols  []string
	// Files are written in every way.
	Files map[string]string
	Make  struct {
		Files map[string]string
		Run   []command
	}
	Ways map[string]way
}

// way is one way in a YAML file.
type way struct {
	Files    map[string]string
	Setup    []command
	Services []struct {
		command `yaml:",inline"`
		Ready   command
		Log     string
	}
	Ask     command
	Expect  string
	Seconds int
}

// command is a process in a YAML file.
type command struct {
	Run  words
	User string
	Env  map[string]string
	Dir  string
}

// words are a list, or text that is split at white space.
type words []string

// UnmarshalYAML accepts both forms.
func (w *words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*w = strings.Fields(n.Value)
		return nil
	}
	return n.Decode((*[]string)(w))
}

func (c command) wire() wire.Command {
	return wire.Command{Argv: c.Run, User: c.User, Env: c.Env, Dir: c.Dir}
}

func commands(list []command) (all []wire.Command) {
	for _, c := range list {
		all = append(all, c.wire())
	}
	return all
}

// ways returns the possible ways, in the order in which they are run and shown.
func ways() []string { return []string{"loopback", "veth", "unix", "none"} }

// parse reads one file strictly.
func parse(file string, data []byte) (App, []kconfigs.Problem) {
	c := checker{file: file}
	if problem := c.document(data); problem != nil {
		return App{}, problem
	}
	var d declaration
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil {
		return App{}, located(file, err)
	}
	a := App{
		Name: d.Name, Packages: d.Packages, NPM: d.NPM, Symbols: d.Symbols,
		Make: Make{Files: d.Make.Files, Run: commands(d.Make.Run)},
	}
	for _, name := range ways() {
		if w, ok := d.Ways[name]; ok {
			a.Ways = append(a.Ways, w.wire(ID{d.Name, name}.String(), d.Files))
		}
	}
	c.check(d)
	return a, c.problems
}

func (w way) wire(id string, files map[string]string) wire.App {
	a := wire.App{
		ID: id, Files: maps.Clone(files), Setup: commands(w.Setup), Ask: w.Ask.wire(), Expect: w.Expect, Seconds: w.Seconds,
	}
	if a.Files == nil {
		a.Files = map[string]string{}
	}
	maps.Copy(a.Files, w.Files)
	for _, s := range w.Services {
		a.Services = append(a.Services, wire.Service{Command: s.wire(), Ready: s.Ready.wire(), Log: s.Log})
	}
	return a
}

// located turns an error of the decoder into problems with a file and a line.
func located(file string, err error) (all []kconfigs.Problem) {
	list := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		list = te.Errors[:min(len(te.Errors), maxProblems)]
	}
	for _, text := range list {
		p := kconfigs.Problem{File: file, Text: text}
		if m := regexp.MustCompile(`^line (\d+): (.*?)( in type .*)?$`).FindStringSubmatch(text); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Text = m[2]
		}
		all = append(all, p)
	}
	return all
}

// checker finds the mistakes that the decoder cannot.
type checker struct {
	file     string
	root     yaml.Node
	problems []kconfigs.Problem
}

// wrong adds a problem with the line of the value at the keys, or of its nearest parent.
func (c *checker) wrong(keys []string, format string, args ...any) {
	n := c.root.Content[0]
	line := n.Line
	for _, key := range keys {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				line, n = n.Content[i].Line, n.Content[i+1]
				break
			}
		}
	}
	c.at(line, format, args...)
}

func (c *checker) check(d declaration) {
	name := regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)
	if !name.MatchString(d.Name) {
		c.wrong([]string{"name"}, "name %q: want lower-case letters, digits and -", d.Name)
	}
	if len(d.Packages) == 0 {
		c.wrong([]string{"packages"}, "packages: want at least one Debian package")
	}
	for _, p := range d.Packages {
		if !regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]+$`).MatchString(p) {
			c.wrong([]string{"packages"}, "packages: %q is not the name of a Debian package", p)
		}
	}
	for _, p := range d.NPM {
		if !regexp.MustCompile(`^(@[\w.-]+/)?[a-z0-9][\w.-]*@\d+\.\d+\.\d+[\w.-]*$`).MatchString(p) {
			c.wrong([]string{"npm"}, "npm: %q: want NAME@VERSION", p)
		}
	}
	for _, s := range d.Symbols {
		if !regexp.MustCompile(`^[A-Z0-9_]+$`).MatchString(s) || strings.HasPrefix(s, "CONFIG_") {
			c.wrong([]string{"symbols"}, "symbols: %q: want the name of a symbol without CONFIG_", s)
		}
	}
	c.files(d.Files, "files")
	c.files(d.Make.Files, "make", "files")
	c.commands(d.Make.Run, "make", "run")
	if len(d.Ways) == 0 {
		c.wrong([]string{"ways"}, "ways: want at least one of %s", strings.Join(ways(), ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(d.Ways)) {
		c.way(name, d.Ways[name])
	}
}

func (c *checker) way(name string, w way) {
	at := func(keys ...string) []string { return append([]string{"ways", name}, keys...) }
	if !slices.Contains(ways(), name) {
		c.wrong(at(), "way %q: want one of %s", name, strings.Join(ways(), ", "))
	}
	c.files(w.Files, at("files")...)
	c.commands(w.Setup, at("setup")...)
	for _, s := range w.Services {
		c.commands([]command{s.command}, at("services")...)
	}
	c.commands([]command{w.Ask}, at("ask")...)
	if _, err := regexp.Compile(w.Expect); err != nil {
		c.wrong(at("expect"), "expect: %v", err)
	} else if w.Expect == "" {
		c.wrong(at("expect"), "expect: is empty and would match any answer")
	}
	if w.Seconds <= 0 || w.Seconds > 3600 {
		c.wrong(at("seconds"), "seconds: want a time limit of 1 to 3600")
	}
}

func (c *checker) files(files map[string]string, keys ...string) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !path.IsAbs(name) || path.Clean(name) != name {
			c.wrong(append(keys, name), "%q: want an absolute path", name)
		}
	}
}

func (c *checker) commands(list []command, keys ...string) {
	for _, cmd := range list {
		if len(cmd.Run) == 0 {
			c.wrong(keys, "%s: run is missing", keys[len(keys)-1])
		}
	}
}
