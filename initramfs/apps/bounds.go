package apps

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/file"
	"go.yaml.in/yaml/v3"
)

// Bounds on what is read. They are far above what any application needs, and low enough for
// the YAML library, which compares all keys of a mapping with each other.
const (
	maxBytes    = 1 << 20 // of one file
	maxEntries  = 1000    // of a mapping or list, and files in a directory
	maxProblems = 20      // reported at once
)

// read reads an application from a file.
func read(name string) (App, []kconfigs.Problem) {
	data, err := file.Read(name, 64*maxBytes) // more than maxBytes, to report the line where a file gets too long
	if err != nil {
		return App{}, []kconfigs.Problem{{File: name, Text: file.Cause(err).Error()}}
	}
	return parse(name, data)
}

// document reads the only document of a file into c.root and checks its size.
func (c *checker) document(data []byte) []kconfigs.Problem {
	if len(data) > maxBytes {
		c.at(1+bytes.Count(data[:maxBytes], []byte("\n")), "the file exceeds the limit of %d bytes here", maxBytes)
		return c.problems
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&c.root); errors.Is(err, io.EOF) {
		return []kconfigs.Problem{{File: c.file, Text: "the file is empty"}}
	} else if err != nil {
		return located(c.file, err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		c.at(second.Line, "a second document starts here: want one application per file")
	} else if !errors.Is(err, io.EOF) {
		return located(c.file, err)
	}
	c.bound("the file", &c.root)
	return c.problems
}

// bound reports mappings and lists with too many entries. It does not follow aliases, whose
// targets are checked where they stand.
func (c *checker) bound(name string, n *yaml.Node) {
	entries := len(n.Content)
	if n.Kind == yaml.MappingNode {
		entries /= 2
	}
	if entries > maxEntries {
		c.at(n.Line, "%.60s: %d entries: want at most %d", name, entries, maxEntries)
		return
	}
	for i, child := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			c.bound(name, child)
		case i%2 == 1:
			c.bound(n.Content[i-1].Value, child)
		}
	}
}

// at adds a problem, unless there are maxProblems already.
func (c *checker) at(line int, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, kconfigs.Problem{File: c.file, Line: line, Text: fmt.Sprintf(format, args...)})
	}
}
