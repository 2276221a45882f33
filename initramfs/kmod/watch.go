//go:build linux

package kmod

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// loadedList is the kernel's list of its modules (kernel/module/procfs.c).
const loadedList = "/proc/modules"

// failures is where each failure is kept, one JSON object per line: the kernel starts modprobe
// without any open file.
const failures = "/.netstrip-modules"

// newsLimit is the largest number of modules in one answer of News.
const newsLimit = 200

// Supported reports whether the kernel can load modules at all.
func Supported() bool {
	_, err := os.Stat(loadedList)
	return err == nil
}

// keepFailure keeps why a module was not loaded. Nobody is left to hear of an error.
func keepFailure(module, why string) {
	line, err := json.Marshal(wire.Module{Name: module, Why: why})
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

// Watch follows what becomes of the modules. The zero value is ready to use.
type Watch struct {
	known map[wire.Module]bool
}

// News returns what became of the modules since the last call.
func (w *Watch) News() []wire.Module {
	loaded, _ := os.ReadFile(loadedList)
	failed, _ := os.ReadFile(failures)
	return w.news(loaded, failed)
}

func (w *Watch) news(loaded, failed []byte) (news []wire.Module) {
	if w.known == nil {
		w.known = map[wire.Module]bool{}
	}
	add := func(m wire.Module) {
		if !w.known[m] && len(news) < newsLimit {
			w.known[m] = true
			news = append(news, m)
		}
	}
	for line := range bytes.Lines(failed) {
		var m wire.Module
		if json.Unmarshal(line, &m) == nil {
			add(m)
		}
	}
	// name size references users state address
	for line := range strings.Lines(string(loaded)) {
		if f := strings.Fields(line); len(f) >= 5 && slices.Contains(f[4:], "Live") {
			add(wire.Module{Name: f[0], Loaded: true})
		}
	}
	return news
}
