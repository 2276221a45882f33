//go:build linux && amd64

package trace

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// table has a line "number name" for each system call of x86-64 in Linux 6.12
// (arch/x86/entry/syscalls/syscall_64.tbl).
//
//go:embed syscalls.txt
var table string

// name returns the name of a system call.
func name(nr int) string {
	prefix := strconv.Itoa(nr) + " "
	for line := range strings.Lines(table) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(rest)
		}
	}
	return fmt.Sprintf("syscall %d", nr)
}
