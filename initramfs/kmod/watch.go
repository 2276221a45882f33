//go:build linux

package kmod

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
)

// loadedList is the kernel's list of its modules (kernel/module/procfs.c).
const loadedList = "/proc/modules"

// failures is the file to which modprobe adds each failure, one JSON object per line: the kernel
// starts it without any open file.
const failures = "/.netstrip-modules"

// newsLimit is the largest number of modules in one answer of News.
const newsLimit = 200

// failure is a line of that file.
type failure struct{ Module, Why string }

// Supported reports whether the kernel can load modules at all.
func Supported() bool {
	_, err := os.Stat(loadedList)
	return err == nil
}

// keepFailure records why a module was not loaded. It drops errors, because nobody can receive
// them.
func keepFailure(module, why string) {
	line, err := json.Marshal(failure{module, why})
	if err != nil {
		return
	}
	f, err := os.OpenFile(failures, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(append(line, '\n'))
}

// Watch follows which modules are loaded. The zero value is ready to use.
type Watch struct {
	known map[failure]bool // without Why, it is loaded
}

// News returns the names of the modules that were loaded, or failed to load, since the last call.
// The value is why a module was not loaded, and empty if it was.
func (w *Watch) News() map[string]string {
	loaded, _ := os.ReadFile(loadedList)
	failed, _ := os.ReadFile(failures)
	return w.news(loaded, failed)
}

func (w *Watch) news(loaded, failed []byte) map[string]string {
	if w.known == nil {
		w.known = map[failure]bool{}
	}
	news := map[string]string{}
	add := func(m failure) {
		if !w.known[m] && len(news) < newsLimit {
			w.known[m] = true
			news[m.Module] = m.Why
		}
	}
	for line := range bytes.Lines(failed) {
		var m failure
		if json.Unmarshal(line, &m) == nil {
			add(m)
		}
	}
	// name size references users state address
	for line := range strings.Lines(string(loaded)) {
		if f := strings.Fields(line); len(f) >= 5 && slices.Contains(f[4:], "Live") {
			add(failure{Module: f[0]})
		}
	}
	return news
}
