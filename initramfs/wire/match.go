package wire

import (
	"fmt"
	"path"
	"strings"
)

// Matches says whether one of the patterns, a list separated by commas, means the probe
// called id. A pattern is a shell glob whose * also crosses slashes: "socket/unix/*",
// "*/loopback", "lo/mtu".
func Matches(patterns, id string) (bool, error) {
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
