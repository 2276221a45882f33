// Package redact removes paths and names of the host from records, so that they can be shared. It
// runs on the host.
package redact

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/vmtests/record"
)

// host is what shared records must not contain.
type host struct {
	// dirs are absolute paths, such as those of the home directory and of the cache.
	dirs []string
	// names are the names of the user and the machine.
	names []string
}

// thisHost describes this machine. It ignores errors: what is unknown here is not in a record
// either, except in absolute paths, all of which are replaced.
func thisHost(results string) host {
	home, _ := os.UserHomeDir()
	wd, _ := os.Getwd()
	results, _ = filepath.Abs(results)
	name, _ := os.Hostname()
	h := host{
		dirs:  []string{home, wd, filepath.Dir(results)},
		names: []string{name, os.Getenv("USER"), os.Getenv("SUDO_USER"), filepath.Base(home)},
	}
	if c, err := cache.Open(""); err == nil {
		h.dirs = append(h.dirs, c.Dir)
	}
	if u, err := user.Current(); err == nil {
		h.names = append(h.names, u.Username)
	}
	return h
}

// redacted replaces removed text.
const redacted = "REDACTED"

// guestMade are the fields with text of the guest, whose absolute paths are its own.
var guestMade = []string{"hello", "findings", "said", "task", "trace"}

// absolute matches an absolute path and the character before it. A path in single quotes, as for a
// shell, may contain spaces.
var absolute = regexp.MustCompile(`'/[^'\n]*'|(^|[^\w./~-])((?:/[^\s/'"` + "`" + `,;:()<>\[\]{}|]+)+/?)`)

// Records returns records with absolute paths reduced to their last element, and without the names
// of the user and the machine; results is the path of the results file. Each record gets a notice
// that says so. Text of the guest keeps paths that are not known to be the host's.
func Records(records []record.Record, results string) ([]record.Record, error) {
	return thisHost(results).records(records)
}

func (h host) records(records []record.Record) ([]record.Record, error) {
	data, err := json.Marshal(records)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var all []map[string]any
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	for _, r := range all {
		for field, value := range r {
			r[field] = h.each(value, slices.Contains(guestMade, field))
		}
	}
	if data, err = json.Marshal(all); err != nil {
		return nil, err
	}
	var out []record.Record
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Notices = append(out[i].Notices, "paths of the host and names of its users were removed; "+redacted+" stands for them")
	}
	return out, nil
}

// each redacts all strings in a decoded JSON value.
func (h host) each(value any, guest bool) any {
	switch v := value.(type) {
	case string:
		return h.text(v, guest)
	case []any:
		for i := range v {
			v[i] = h.each(v[i], guest)
		}
	case map[string]any:
		for key := range v {
			v[key] = h.each(v[key], guest)
		}
	}
	return value
}

// text redacts a string: first the known directories, whose names may contain spaces.
func (h host) text(s string, guest bool) string {
	dirs := slices.DeleteFunc(slices.Clone(h.dirs), func(dir string) bool { return len(dir) < 2 || dir[0] != '/' })
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, dir := range dirs {
		s = regexp.MustCompile(regexp.QuoteMeta(strings.TrimSuffix(dir, "/"))+`(/|\b|$)`).ReplaceAllString(s, "/"+redacted+"$1")
	}
	if guest {
		return s
	}
	s = absolute.ReplaceAllStringFunc(s, func(found string) string {
		at := strings.IndexByte(found, '/')
		before, p := found[:at], found[at:]
		if strings.HasPrefix(p, "/dev/") || strings.HasPrefix(p, "/proc/") || strings.HasPrefix(p, "/sys/") {
			return found // every machine has them
		}
		return before + redacted + "/" + path.Base(p)
	})
	for _, name := range h.names {
		if name != "" && name != "root" && name != "localhost" {
			s = regexp.MustCompile(`(?i)(^|[^a-z0-9])`+regexp.QuoteMeta(name)+`($|[^a-z0-9])`).ReplaceAllString(s, "${1}"+redacted+"${2}")
		}
	}
	return s
}
