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

// Bounds on what is read: far above what any application takes, and below where the YAML
// library, which compares every key of a mapping with every other, needs seconds.
const (
	maxBytes    = 1 << 20 // of one file
	maxEntries  = 1000    // of one mapping or list in it, and files in a directory
	maxProblems = 20      // told of at once
)

// read reads the application of a file.
func read(name string) (App, []kconfigs.Problem) {
	data, err := file.Read(name, 64*maxBytes) // of one that is too long the line is told, up to here
	if err != nil {
		return App{}, []kconfigs.Problem{{File: name, Text: cause(err).Error()}}
	}
	return parse(name, data)
}

// document reads the file's one document into c.root, and says what is wrong with it
// before anything is made of it.
func (c *checker) document(data []byte) []kconfigs.Problem {
	if len(data) > maxBytes {
		c.at(1+bytes.Count(data[:maxBytes], []byte("\n")), "the file goes on here beyond %d bytes, which is more than an application takes", maxBytes)
		return c.problems
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&c.root); errors.Is(err, io.EOF) {
		return []kconfigs.Problem{{File: c.file, Text: "it is empty"}}
	} else if err != nil {
		return located(c.file, err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		c.at(second.Line, "a second document begins: want one application in a file")
	} else if !errors.Is(err, io.EOF) {
		return located(c.file, err)
	}
	c.bound("the file", &c.root)
	return c.problems
}

// bound refuses mappings and lists that are longer than any application needs. What an
// alias stands for is bound where it is written.
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

// at adds a problem with a line, as long as there are not too many already.
func (c *checker) at(line int, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, kconfigs.Problem{File: c.file, Line: line, Text: fmt.Sprintf(format, args...)})
	}
}
