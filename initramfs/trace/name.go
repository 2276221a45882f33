//go:build linux

package trace

import (
	"embed"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// tables has a file for each GOARCH with a line "number name" for each system call of Linux 7.3.
// They are columns of the kernel's tables, arch/x86/entry/syscalls/syscall_64.tbl and, for the
// others, scripts/syscall.tbl, limited to the ABIs that Makefile.syscalls of the architecture
// names:
//
//	awk '/^[0-9]/ && $2 ~ /^(common|64|riscv|rlimit|memfd_secret)$/ {print $1, $3}' scripts/syscall.tbl
//
//go:embed syscalls
var tables embed.FS

// names returns the names of this architecture's system calls, by number.
var names = sync.OnceValue(func() map[int]string {
	all, err := parseTable(runtime.GOARCH)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return all
})

// parseTable reads the table of an architecture.
func parseTable(goarch string) (map[int]string, error) {
	text, err := tables.ReadFile("syscalls/" + goarch + ".txt")
	if err != nil {
		return nil, fmt.Errorf("reading the system calls of %s: %w", goarch, err)
	}
	all := map[int]string{}
	for line := range strings.Lines(string(text)) {
		number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		nr, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("reading the system calls of %s: %w", goarch, err)
		}
		all[nr] = name
	}
	return all, nil
}

// name returns the name of a system call.
func name(nr int) string {
	if n, ok := names()[nr]; ok {
		return n
	}
	return fmt.Sprintf("syscall %d", nr)
}
