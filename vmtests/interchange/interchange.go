// Package interchange writes records in the formats that other programs read: JUnit, KTAP, KCIDB and
// GitHub's Markdown and workflow commands. It runs on the host, starts nothing, and works from records
// alone. Every text of a guest is escaped, and cut where it is long.
//
// The formats agree with netstrip's exit code: a test of a kernel fails if and only if that is 1, which
// takes an answer that differs from an expectation of its own series and architecture. With 3, an
// infrastructure failure, no kernel has failed.
package interchange

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Files are the paths of the files to write, one for each format; empty means none, and "-" standard
// output.
type Files struct {
	JUnit, KTAP, KCIDB, Markdown string
}

// Format is a format, the name of its flag without dashes.
type Format struct {
	Name string
	// Usage describes it, with the word FILE in backquotes, as package pflag wants it.
	Usage string
	// File is the path to write to.
	File *string

	of func([]judged) ([]byte, error)
}

// Formats returns all formats, with pointers to the paths in f.
func (f *Files) Formats() []Format {
	return []Format{
		{"junit", "write the results as JUnit XML to `FILE`; - means standard output, also below", &f.JUnit, writeJUnit},
		{"ktap", "write the results as KTAP, which the kernel's kunit.py reads, to `FILE`", &f.KTAP, writeKTAP},
		{"kcidb", "write the results as a KCIDB report, for the database of kernelci.org, to `FILE`", &f.KCIDB, writeKCIDB},
		{"markdown", "write differences and a table of everything as Markdown to `FILE`", &f.Markdown, writeSummary},
	}
}

// Standard reports whether a format is written to standard output, where nothing else belongs then.
func (f Files) Standard() bool {
	for _, format := range f.Formats() {
		if *format.File == "-" {
			return true
		}
	}
	return false
}

// Others are the other files of a command that writes formats.
type Others struct {
	// Results is the results file, Page the file of the page; "" is none, "-" standard output.
	Results, Page string
	// JSON is set if JSON is written to standard output.
	JSON bool
}

// Check returns an error if the files cannot be meant, before the work whose results they get.
func (f Files) Check(o Others) error {
	standard, paths := "", map[string]string{}
	if o.JSON {
		standard = "json"
	}
	all := []Format{{Name: "output", File: &o.Page}}
	for _, format := range append(all, f.Formats()...) {
		path := *format.File
		switch info, err := os.Stat(path); {
		case path == "":
			continue
		case path == "-" && standard != "":
			return usage.Errorf("--%s and --%s both write to standard output: name a file", standard, format.Name)
		case path == "-":
			standard = format.Name
			continue
		case err == nil && info.IsDir():
			return usage.Errorf("--%s %s is a directory: name a file", format.Name, path)
		case err == nil && !info.Mode().IsRegular():
			continue // a device or a FIFO, which takes several
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return usage.Errorf("--%s %s: the directory %s does not exist: make it first", format.Name, path, filepath.Dir(path))
		}
		if same(path, o.Results) {
			return usage.Errorf("--%s %s is the results file, which it would replace: name another", format.Name, path)
		}
		for name, other := range paths {
			if same(path, other) {
				return usage.Errorf("--%s and --%s both write %s: name another file", name, format.Name, path)
			}
		}
		paths[format.Name] = path
	}
	return nil
}

// same reports whether two paths lead to one file, which need not exist.
func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX == nil && errY == nil {
		return os.SameFile(x, y)
	}
	a, errX = filepath.Abs(a)
	b, errY = filepath.Abs(b)
	return errX == nil && errY == nil && a == b
}

// from judges records and writes them.
func from(records []record.Record, write func([]judged) ([]byte, error)) ([]byte, error) {
	kernels, err := judge(expect.Files{}, records)
	if err != nil {
		return nil, err
	}
	return write(kernels)
}

// Write writes the files, each whole or not at all, and the summary of a step of GitHub Actions. If one
// cannot be written, it writes the others.
func (f Files) Write(stdout io.Writer, records []record.Record) (failed error) {
	for _, format := range f.Formats() {
		if *format.File == "" {
			continue
		}
		data, err := from(records, format.of)
		write := func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}
		switch {
		case err != nil:
		case *format.File == "-":
			err = write(stdout)
		default:
			err = file.Replace(*format.File, write)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("--%s: %w", format.Name, err))
		}
	}
	return errors.Join(failed, ThisWorkflow().Summarize(records))
}
