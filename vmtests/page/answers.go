package page

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/report"
)

// maxErrno is the largest error number of Linux (include/uapi/asm-generic/errno.h).
const maxErrno = 133

// errnoWords are the names of errors, and what they mean.
var errnoWords = func() map[string]string {
	all := map[string]string{}
	for n := syscall.Errno(1); n <= maxErrno; n++ {
		if name := unix.ErrnoName(n); name != "" {
			all[name] = n.Error()
		}
	}
	return all
}()

// answers are the different answers, and the texts in them, each once.
type answers struct {
	list  []answer
	texts []string
	bytes int
	// cut is set if texts were cut because all together were too long.
	cut     bool
	textAt  map[string]int
	entryAt map[string]int
}

// answer is an answer as JSON. The numbers are places in the list of texts.
type answer struct {
	Verdict int   `json:"v"`
	Errno   int   `json:"e,omitempty"`
	Call    int   `json:"c,omitempty"`
	Value   int   `json:"x,omitempty"`
	Detail  int   `json:"d,omitempty"`
	Numbers int   `json:"n,omitempty"`
	Symbols []int `json:"s,omitempty"`
	Loaded  int   `json:"m,omitempty"`
}

// text returns the place of a text in the list, after escaping it. The first text is empty.
func (a *answers) text(s string, limit int) int {
	if a.textAt == nil {
		a.textAt, a.texts = map[string]int{"": 0}, []string{""}
	}
	// What is long is cut before it becomes a key.
	if s = report.Escape(s, limit); a.bytes > maxStrings && len(s) > shortText {
		s, a.cut = report.Escape(s, shortText), true
	}
	i, ok := a.textAt[s]
	if !ok {
		i = len(a.texts)
		a.textAt[s] = i
		a.texts = append(a.texts, s)
		a.bytes += len(s)
	}
	return i
}

// add returns the place of an answer in the list.
func (a *answers) add(f wire.Finding) int {
	one := answer{
		Verdict: a.text(string(f.Verdict), 80), Errno: a.text(f.Errno, 80), Call: a.text(f.Call, maxText), Value: a.text(f.Value, maxText),
		Detail: a.text(f.Detail, maxText), Numbers: a.text(numbers(f.Numbers), maxText), Loaded: a.text(loaded(f.Modules), maxText),
	}
	for _, s := range f.Symbols[:min(len(f.Symbols), 20)] {
		one.Symbols = append(one.Symbols, a.text(s.String(), 300))
	}
	key := fmt.Sprint(one)
	i, ok := a.entryAt[key]
	if !ok {
		if a.entryAt == nil {
			a.entryAt = map[string]int{}
		}
		i = len(a.list)
		a.entryAt[key] = i
		a.list = append(a.list, one)
	}
	return i
}

// numbers returns the measurements of a finding as text.
func numbers(all map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, fmt.Sprintf("%.48s = %.6g", name, all[name]))
	}
	return strings.Join(parts[:min(len(parts), 40)], ", ")
}

// loaded returns the modules that were loaded while a probe ran.
func loaded(modules map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if modules[name] == "" {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts[:min(len(parts), 40)], ", ")
}
