// Package rename recognizes kernel symbols that were renamed or removed, and misspelled names. It
// runs on the host and is pure.
package rename

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
)

//go:embed renames.txt
var renames string

// rename is a line of the table.
type rename struct{ old, kind, since, new string }

func readRenames() (all []rename) {
	for line := range strings.Lines(renames) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] == "#" {
			continue
		}
		r := rename{old: f[0], kind: f[1]}
		if f[2] != "-" {
			r.since = "Linux " + f[2]
		}
		if len(f) > 3 {
			r.new = f[3]
		}
		all = append(all, r)
	}
	return all
}

// Other explains a symbol that is not among known, the symbols of a kernel, such as "; it is
// called MITIGATION_RETPOLINE since Linux 6.9", or suggests one that it may be a
// misspelling of. It is empty if that is uncertain: a wrong name is worse than none. Entries are
// the kernel's definitions, which tell more; they may be nil.
func Other(name string, known map[string]bool, entries []Entry) string {
	for _, r := range readRenames() {
		switch name {
		case r.old:
			return r.forward(known)
		case r.new:
			if text := r.back(known); text != "" {
				return text
			}
		}
	}
	if m, ok := Find(name, entries); ok {
		return m.String()
	}
	if near := slip(name, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// forward explains a name that is older than the kernel.
func (r rename) forward(known map[string]bool) string {
	if r.new != "" && !known[r.new] {
		return "" // not in this kernel
	}
	since := ""
	if r.since != "" {
		since = " since " + r.since
	}
	switch r.kind {
	case "renamed":
		return "; it is called " + r.new + since
	case "merged":
		return "; it is a part of " + r.new + since
	case "replaced":
		return "; " + r.new + " is in its place" + since
	case "inverted":
		return "; " + r.new + ", its opposite, is in its place" + since
	}
	if r.since != "" {
		return "; " + r.since + " removed it"
	}
	return "; it was removed from Linux"
}

// back explains a name that is newer than the kernel.
func (r rename) back(known map[string]bool) string {
	came := "; it came with " + r.since
	switch {
	case r.since == "":
		return ""
	case r.kind == "renamed" && known[r.old]:
		return came + "; here it is called " + r.old
	case r.kind == "inverted" && known[r.old]:
		return came + "; here " + r.old + " is its opposite"
	case r.kind == "added":
		return came
	}
	return ""
}

// slip returns the only known name that a name may be a misspelling of: with underscores
// elsewhere, in the plural or not, as the end of a longer name, or with one word misspelled.
func slip(name string, known map[string]bool) string {
	words := map[string]bool{}
	for k := range known {
		for w := range strings.SplitSeq(k, "_") {
			words[w] = true
		}
	}
	bare := strings.ReplaceAll(name, "_", "")
	for _, fits := range []func(k string) bool{
		func(k string) bool { return strings.ReplaceAll(k, "_", "") == bare },
		func(k string) bool { return plural(name, k) || plural(k, name) },
		func(k string) bool { return len(name) >= 6 && strings.HasSuffix(k, "_"+name) },
		func(k string) bool { return misspelt(name, k, words) },
	} {
		var near []string
		for k := range known {
			if fits(k) {
				near = append(near, k)
			}
		}
		if len(near) == 1 {
			return near[0]
		}
		if len(near) > 1 {
			return ""
		}
	}
	return ""
}

// plural reports whether one name is the plural of another, whose last word is long enough
// for a final S to mean that.
func plural(many, one string) bool {
	return len(one)-1-strings.LastIndex(one, "_") >= 5 && (many == one+"S" || many == one+"ES")
}

// misspelt reports whether two names differ slightly in one word that, in the first name, no
// symbol contains. In short words only swapped or doubled letters count, since most other
// words of their length have a meaning too.
func misspelt(name, k string, words map[string]bool) bool {
	a, b := strings.Split(name, "_"), strings.Split(k, "_")
	if len(a) != len(b) {
		return false
	}
	at := -1
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		if at >= 0 || words[a[i]] {
			return false
		}
		at = i
	}
	if at < 0 || strings.ContainsFunc(a[at]+b[at], unicode.IsDigit) {
		return false
	}
	x, y := a[at], b[at]
	limit := 1
	if len(x) >= 9 {
		limit = 2
	}
	if distance(x, y, limit) > limit {
		return false
	}
	return min(len(x), len(y)) >= 5 || sameLetters(x, y)
}

// sameLetters reports whether two words have the same set of letters.
func sameLetters(x, y string) bool {
	set := func(s string) string {
		r := []rune(s)
		slices.Sort(r)
		return string(slices.Compact(r))
	}
	return set(x) == set(y)
}

// Here returns the symbol among known, those of a kernel, that replaces a missing one and
// means the same or includes it; empty if there is none.
func Here(name string, known map[string]bool) string {
	for _, r := range readRenames() {
		same := r.kind == "renamed" || r.kind == "merged"
		switch {
		case same && r.old == name && known[r.new]:
			return r.new
		case r.kind == "renamed" && r.new == name && known[r.old]:
			return r.old
		}
	}
	return ""
}

// Near returns "; did you mean X or Y?" for the names nearest to name, or nothing.
func Near(name string, names []string) string {
	best := 1 + len(name)/4
	var near []string
	for _, n := range names {
		d := distance(name, n, best)
		if d > best {
			continue
		}
		if d < best {
			best, near = d, nil
		}
		near = append(near, n)
	}
	if len(near) == 0 {
		return ""
	}
	slices.Sort(near)
	return "; did you mean " + strings.Join(near[:min(len(near), 3)], " or ") + "?"
}

// distance returns the number of letters to insert, delete, change or swap with their neighbour to
// turn a into b; it may stop counting beyond limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
