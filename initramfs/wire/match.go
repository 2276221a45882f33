package wire

import (
	"fmt"
	"path"
	"strings"
)

// check refuses patterns that the kernel's command line cannot carry: white space and quotation
// marks end a parameter (next_arg in lib/cmdline.c). IDs of probes consist of other printable ASCII.
func check(patterns string) error {
	for i := range len(patterns) {
		if c := patterns[i]; c <= ' ' || c > '~' || c == '"' {
			return fmt.Errorf("selecting probes by %q: byte %d is %q; want printable ASCII without spaces and quotation marks", patterns, i+1, c)
		}
	}
	return nil
}

// Matches reports whether one of the patterns, a list separated by commas, matches the ID of a
// probe. A pattern is a shell glob whose * also matches slashes: "socket/unix/*", "*/loopback",
// "lo/mtu".
func Matches(patterns, id string) (bool, error) {
	if err := check(patterns); err != nil {
		return false, err
	}
	// path.Match stops * at a slash; without slashes there is nothing to stop at.
	flat := func(s string) string { return strings.ReplaceAll(s, "/", ":") }
	for pattern := range strings.SplitSeq(patterns, ",") {
		if ok, err := path.Match(flat(pattern), flat(id)); ok || err != nil {
			if err != nil {
				err = fmt.Errorf("selecting probes by %q: %w", pattern, err)
			}
			return ok, err
		}
	}
	return false, nil
}
