package kconfigs

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/arch"
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

// known returns the architecture that Kconfig calls by a name, in the first line of a .config.
// Kconfig writes x86, or x86_64 if make was run with ARCH=x86_64.
func known(header string) (arch.Arch, bool) {
	for _, a := range arch.All() {
		if header == a.Header || header == a.ARCH {
			return a, true
		}
	}
	return arch.Arch{}, false
}

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
		of := all[name]
		_, ours := known(symbol.arch)
		_, oneOfOurs := known(of)
		if ok && of != "" && strings.HasSuffix(line, "=y") && (symbol.line == 0 || ours && !oneOfOurs) {
			symbol = claim{of, line, n}
		}
	})
	_, symbolKnown := known(symbol.arch)
	_, headKnown := known(head.arch)
	switch {
	case wide == 0 || symbol.line > 0 && !symbolKnown || head.line > 0 && !headKnown:
	case symbol.line > 0 && symbol.text != "CONFIG_X86_64=y", headKnown:
		symbol = claim{thirtyTwo(cmp.Or(symbol.arch, head.arch)), "CONFIG_64BIT is not set", wide}
	case symbol.line == 0:
		symbol = claim{"a 32-bit architecture", "CONFIG_64BIT is not set", wide}
	}
	return head, symbol
}

// thirtyTwo names the 32-bit variant of an architecture.
func thirtyTwo(arch string) string {
	if strings.HasPrefix(arch, "x86") {
		return "i386"
	}
	return "32-bit " + arch
}

// marks are prefixes of symbols that only one architecture has. A defconfig may name no other
// symbol of its architecture.
var marks = regexp.MustCompile(`^CONFIG_(X86|ARM64|RISCV)_\w+=y`)

// archOf returns the architecture that a file is for, by its header and its symbols; the zero
// value if neither says. It is an error if no kernel for that architecture can be built here, or
// if header and symbols disagree: Kconfig would ignore the unknown symbols and use defaults
// instead.
func archOf(file string, data []byte) (arch.Arch, error) {
	head, symbol := claims(data)
	e := &RequestError{}
	only := "netstrip builds kernels for " + strings.Join(arch.Names(), ", ") + " only"
	a, headKnown := known(head.arch)
	b, symbolKnown := known(symbol.arch)
	switch {
	case head.line > 0 && symbol.line > 0 && a.Name != b.Name && !(headKnown && symbol.arch == thirtyTwo(head.arch)):
		e.add(file, head.line, "", "its header says %s, and line %d says %s (%s): remove the wrong line",
			head.arch, symbol.line, symbol.arch, symbol.text)
	case symbol.line > 0 && !symbolKnown:
		e.add(file, symbol.line, "", "it is for %s (%s): %s", symbol.arch, symbol.text, only)
	case head.line > 0 && !headKnown:
		e.add(file, head.line, "", "it is for %s (%s): %s", head.arch, strings.TrimPrefix(head.text, "# "), only)
	case symbol.line > 0:
		a = b
	case head.line == 0:
		a = marked(data)
	}
	return a, e.orNil()
}

// marked returns the architecture to which most of the symbols with these prefixes belong.
func marked(data []byte) (most arch.Arch) {
	count := map[string]int{}
	eachLine(data, func(_ int, line string) {
		if m := marks.FindStringSubmatch(line); m != nil {
			a, _ := known(strings.ToLower(m[1]))
			if count[a.Name]++; count[a.Name] > count[most.Name] {
				most = a
			}
		}
	})
	return most
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
