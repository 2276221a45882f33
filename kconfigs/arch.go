package kconfigs

import (
	"fmt"
	"regexp"
	"strings"
)

// header matches the line of a .config that names its architecture and version: the mainmenu
// of the source's Kconfig file, as scripts/kconfig/confdata.c writes it.
var header = regexp.MustCompile(`^# Linux/(\S+) (\S+) (?:Kernel )?Configuration`)

// architectures returns the name of an architecture for each symbol that is on in all of its
// .configs and in none of another architecture.
func architectures() map[string]string {
	all := map[string]string{
		"X86": "x86", "X86_64": "x86", "X86_32": "i386", "UML": "um", "SUPERH": "sh", "PPC": "powerpc",
		"PPC32": "powerpc", "PPC64": "powerpc", "SPARC32": "sparc", "SPARC64": "sparc64", "ARCH_RV32I": "riscv", "ARCH_RV64I": "riscv",
		"IA64": "ia64", "TILE": "tile", "BLACKFIN": "blackfin", "UNICORE32": "unicore32", "NDS32": "nds32",
	}
	for _, name := range strings.Fields("ALPHA ARC ARM ARM64 CSKY H8300 HEXAGON LOONGARCH M68K MICROBLAZE MIPS NIOS2 OPENRISC PARISC RISCV S390 SPARC XTENSA") {
		all[name] = strings.ToLower(name)
	}
	return all
}

// ours reports whether a kernel of the architecture can be built here. Kconfig writes x86, or
// x86_64 if make was run with ARCH=x86_64.
func ours(arch string) bool { return arch == "x86" || arch == "x86_64" }

// claim is a line that identifies the architecture of a file.
type claim struct {
	arch, text string
	line       int
}

// claims returns the claims of the header and of the first symbol that makes one, preferring
// symbols of other architectures. Without a claim its line is 0.
func claims(data []byte) (head, symbol claim) {
	all := architectures()
	wide := 0 // the line that switches 64BIT off
	eachLine(data, func(n int, line string) {
		line = strings.TrimRight(line, " \t\r")
		if m := header.FindStringSubmatch(line); m != nil && head.line == 0 {
			head = claim{m[1], line, n}
		}
		if line == "# CONFIG_64BIT is not set" || line == "CONFIG_64BIT=n" {
			wide = n
		}
		name, ok := strings.CutPrefix(strings.TrimSuffix(line, "=y"), "CONFIG_")
		arch := all[name]
		if ok && arch != "" && strings.HasSuffix(line, "=y") && (symbol.line == 0 || ours(symbol.arch) && !ours(arch)) {
			symbol = claim{arch, line, n}
		}
	})
	switch {
	case wide == 0 || symbol.line > 0 && !ours(symbol.arch) || head.line > 0 && !ours(head.arch):
	case symbol.line > 0 && symbol.text != "CONFIG_X86_64=y", ours(head.arch):
		symbol = claim{"i386", "CONFIG_64BIT is not set", wide}
	case symbol.line == 0:
		symbol = claim{"a 32-bit architecture", "CONFIG_64BIT is not set", wide}
	}
	return head, symbol
}

// foreign returns an error if a file is for another architecture than x86_64, or if its header
// and its symbols disagree. Kconfig would ignore the unknown symbols and use defaults instead.
func foreign(file string, data []byte) error {
	head, symbol := claims(data)
	e := &RequestError{}
	const only = "netstrip builds kernels for x86_64 only"
	switch {
	case head.line > 0 && symbol.line > 0 && ours(head.arch) != ours(symbol.arch) && !(head.arch == "x86" && symbol.arch == "i386"):
		e.add(file, head.line, "", "its header says %s, and line %d says %s (%s): %s; take out what is wrong",
			head.arch, symbol.line, symbol.arch, symbol.text, only)
	case symbol.line > 0 && !ours(symbol.arch):
		e.add(file, symbol.line, "", "it is for %s (%s): %s", symbol.arch, symbol.text, only)
	case head.line > 0 && !ours(head.arch):
		e.add(file, head.line, "", "it is for %s (%s): %s", head.arch, strings.TrimPrefix(head.text, "# "), only)
	}
	return e.orNil()
}

// Version returns the version of Linux that a .config was made with, and the number of the
// line that says so; "" and 0 if there is no such line.
func (s Start) Version() (version string, line int) {
	eachLine([]byte(s.Text), func(n int, text string) {
		if m := header.FindStringSubmatch(text); m != nil && line == 0 {
			version, line = m[2], n
		}
	})
	return version, line
}

// place returns the position of a line, as errors show it.
func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
