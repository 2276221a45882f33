package explain

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// release formats a version number: 120200 in steps of 10000 and 100 is 12.2.0.
func release(value string, major, minor int) string {
	n, err := strconv.Atoi(value)
	if err != nil || n == 0 {
		return ""
	}
	text := fmt.Sprintf("%d.%d", n/major, n%major/minor)
	if minor > 1 && (major == 100_000 || major == 10_000) {
		text += fmt.Sprintf(".%d", n%minor)
	}
	return text
}

// compiler returns the name and version of the compiler.
func (w *ConfigState) compiler() string {
	if w.tri("CC_IS_CLANG") == kconf.Yes {
		return "clang " + release(w.Values["CLANG_VERSION"].Value, 10_000, 100)
	}
	return w.cross() + "gcc " + release(w.Values["GCC_VERSION"].Value, 10_000, 100)
}

// cross returns the prefix of a compiler that runs on another architecture, such as
// aarch64-linux-gnu-, or "".
func (w *ConfigState) cross() string {
	if w.Kernel == nil {
		return ""
	}
	cc, err := w.Kernel.Expand("$(CC)")
	prefix, is := strings.CutSuffix(path.Base(strings.TrimSpace(cc)), "gcc")
	if err != nil || !is {
		return ""
	}
	return prefix
}

// version returns the name and version of the assembler or the linker, AS or LD.
func (w *ConfigState) version(which string) string {
	text := strings.TrimSuffix(release(w.Values[which+"_VERSION"].Value, 10_000, 100), ".0")
	switch {
	case which == "AS" && w.tri("AS_IS_LLVM") == kconf.Yes:
		return "LLVM assembler " + text
	case which == "LD" && w.tri("LD_IS_LLD") == kconf.Yes:
		return "ld.lld " + release(w.Values["LLD_VERSION"].Value, 10_000, 100)
	case which == "AS":
		return "GNU as " + text
	}
	return "GNU ld " + text
}

// tool describes the tool in use where a symbol of init/Kconfig stands for another tool or
// version; empty for other symbols.
func (w *ConfigState) tool(name string) string {
	if w.symbols[name] == nil {
		return ""
	}
	switch name {
	case "CC_IS_CLANG", "CLANG_VERSION":
		return "the compiler is " + w.compiler() + ", not clang"
	case "CC_IS_GCC":
		return "the compiler is " + w.compiler() + ", not gcc"
	case "GCC_VERSION":
		return "the compiler is " + w.compiler()
	case "LD_IS_LLD", "LLD_VERSION":
		return "the linker is " + w.version("LD") + ", not ld.lld"
	case "LD_IS_BFD", "LD_VERSION":
		return "the linker is " + w.version("LD")
	case "AS_IS_LLVM":
		return "the assembler is " + w.version("AS") + ", not LLVM's"
	case "AS_IS_GNU", "AS_VERSION":
		return "the assembler is " + w.version("AS")
	case "PAHOLE_VERSION":
		if has := release(w.Values[name].Value, 100, 1); has != "" {
			return "this pahole is " + has
		}
		return "no pahole is installed, package dwarves"
	case "RUSTC_VERSION", "RUSTC_LLVM_VERSION":
		if has := release(w.Values[name].Value, 100_000, 100); has != "" {
			return "this rustc is " + has
		}
		return "no rustc is installed"
	}
	return ""
}

// wantedRelease describes the version that a comparison asks for.
func wantedRelease(name, op, value string) string {
	major, minor := 10_000, 100
	what := map[string]string{
		"GCC_VERSION": "gcc", "CLANG_VERSION": "clang", "LD_VERSION": "GNU ld", "LLD_VERSION": "ld.lld", "AS_VERSION": "GNU as",
		"PAHOLE_VERSION": "pahole", "RUSTC_VERSION": "rustc", "RUSTC_LLVM_VERSION": "rustc's LLVM",
	}[name]
	switch name {
	case "PAHOLE_VERSION":
		major, minor = 100, 1
	case "RUSTC_VERSION":
		major = 100_000
	}
	text := release(value, major, minor)
	if what == "" || text == "" {
		return ""
	}
	return what + map[string]string{
		">=": " " + text + " or newer", ">": " newer than " + text, "<": " older than " + text,
		"<=": " " + text + " or older", "=": " " + text,
	}[op]
}
