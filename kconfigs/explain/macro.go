package explain

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Kconfig expands $(...) when it reads a file, so a failed test is just n. To name the test,
// its line is read again from the source.

// rawLine is a line of a Kconfig file with its continuations.
type rawLine struct {
	place, text string
}

// maxTests is the number of tests of one symbol that are named.
const maxTests = 3

// tests names what a symbol's own lines look for on this machine and do not find: compiler
// options, programs, files. It is nil without such a line or without a Kernel.
func (w *ConfigState) tests(s *kconf.Symbol) []string {
	if w.Kernel == nil {
		return nil
	}
	var all []string
	for _, e := range s.Entries {
		for _, l := range w.block(e) {
			for _, name := range words(l.text) {
				if why := w.tool(name); why != "" && w.tri(name) == kconf.No && !strings.Contains(l.text, "||") && !strings.Contains(l.text, "!"+name) {
					all = append(all, fmt.Sprintf("%s asks for %s: %s", l.place, name, why))
				}
			}
			for _, m := range w.failing(l.text) {
				all = append(all, l.place+" "+w.test(m))
			}
		}
	}
	return all[:min(len(all), maxTests)]
}

var (
	attribute = regexp.MustCompile(`^\s+(depends\s+on|default|def_bool|def_tristate|bool|tristate|prompt|visible)\b`)
	ends      = regexp.MustCompile(`^\s*(help|---help---|config|menuconfig|choice|endchoice|comment|menu|endmenu|if|endif|source|mainmenu)\b`)
	guard     = regexp.MustCompile(`\b([A-Z0-9_]+)\s*&&\s*$`)
	symbol    = regexp.MustCompile(`\b[A-Z0-9][A-Z0-9_]+\b`)
)

func words(text string) []string { return symbol.FindAllString(text, -1) }

// block returns the lines of an entry that decide whether it can be on, and before them the
// ifs around it.
func (w *ConfigState) block(e kconf.Entry) []rawLine {
	data, err := w.Kernel.Read(e.File)
	if err != nil {
		return nil // the reason goes without
	}
	lines := strings.Split(string(data), "\n")
	if e.Line < 1 || e.Line > len(lines) {
		return nil
	}
	var all []rawLine
	for i, depth := e.Line-2, 0; i >= 0; i-- {
		switch {
		case strings.HasPrefix(lines[i], "endif"):
			depth++
		case strings.HasPrefix(lines[i], "if ") && depth == 0:
			all = append(all, rawLine{place(e.File, i+1), lines[i]})
		case strings.HasPrefix(lines[i], "if "):
			depth--
		}
	}
	for i := e.Line; i < len(lines) && !ends.MatchString(lines[i]); i++ {
		at, text := i+1, lines[i]
		for strings.HasSuffix(text, `\`) && i+1 < len(lines) {
			i++
			text = strings.TrimSuffix(text, `\`) + lines[i]
		}
		if attribute.MatchString(text) {
			all = append(all, rawLine{place(e.File, at), text})
		}
	}
	return all
}

// failing returns the macros of a line that keep it from being y. If some are behind an unmet
// condition, as in CC_IS_CLANG && $(cc-option,-x), it returns only the others.
func (w *ConfigState) failing(text string) []string {
	var all, behind []string
	for at := 0; ; {
		i := strings.Index(text[at:], "$(")
		if i < 0 {
			break
		}
		begin := at + i
		at = begin + closing(text[begin:])
		macro := text[begin:at]
		got, err := w.Kernel.Expand(macro)
		bad := "n"
		if strings.HasSuffix(strings.TrimSpace(text[:begin]), "!") {
			bad = "y"
		}
		if got = strings.TrimSpace(got); err != nil || got != bad && got != "" {
			continue
		}
		if m := guard.FindStringSubmatch(text[:begin]); m != nil && w.Has(m[1]) && w.tri(m[1]) == kconf.No {
			behind = append(behind, macro)
		} else {
			all = append(all, macro)
		}
	}
	if len(all) == 0 {
		return behind
	}
	return all
}

// closing returns the length of the macro that text begins with.
func closing(text string) int {
	depth := 0
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

var (
	fileTest = regexp.MustCompile(`\btest -[efrsx] (\S+)`)
	pyTest   = regexp.MustCompile(`-c "import (\w+)"`)
	script   = regexp.MustCompile(`scripts/([\w./-]+\.sh)`)
)

// test describes a macro that fails on this machine.
func (w *ConfigState) test(macro string) string {
	name, _, _ := strings.Cut(strings.Trim(macro, "$()"), ",")
	if strings.Contains(macro, "test -") {
		if i := strings.Index(macro, "test -"); fileTest.MatchString(macro[i:]) {
			file := strings.TrimRight(path.Base(macro[i:]), ")")
			return "looks for " + file + w.pkg(file)
		}
	}
	if m := pyTest.FindStringSubmatch(macro); m != nil {
		return "looks for Python's " + m[1] + ", package python3-" + m[1]
	}
	who := ""
	switch {
	case strings.HasPrefix(name, "cc-") || strings.HasPrefix(name, "m32") || strings.HasPrefix(name, "m64"):
		who = w.compiler()
	case strings.HasPrefix(name, "as-"):
		who = w.version("AS")
	case strings.HasPrefix(name, "ld-"):
		who = w.version("LD")
	case strings.HasPrefix(name, "rustc-"):
		who = "rustc"
	}
	if who == "" {
		for _, v := range []struct{ variable, who string }{
			{"$(CC)", w.compiler()}, {"$(LD)", w.version("LD")}, {"$(RUSTC)", "rustc"}, {"$(NM)", "nm"},
			{"$(AR)", "ar"}, {"$(OBJCOPY)", "objcopy"}, {"$(PAHOLE)", "pahole"}, {"$(BINDGEN)", "bindgen"},
		} {
			if strings.Contains(macro, v.variable) {
				who = v.who
				break
			}
		}
	}
	text := "tests " + clip(macro)
	if m := script.FindStringSubmatch(macro); m != nil {
		return text + ": it fails here" + w.pkg(path.Base(m[1]))
	}
	if who == "" {
		return text + ": it fails here"
	}
	return text + ": this " + who + " fails it"
}

// clip shortens a macro with a program in it.
func clip(macro string) string {
	const most = 120
	if len(macro) <= most {
		return macro
	}
	return strings.TrimSpace(macro[:most]) + "...)"
}

// pkg names the Debian package that contains what a test looks for, if it is known.
func (w *ConfigState) pkg(what string) string {
	switch what {
	case "plugin-version.h":
		major, _, _ := strings.Cut(release(w.Values["GCC_VERSION"].Value, 10000, 100), ".")
		return strings.TrimRight(", package gcc-"+major+"-plugin-dev-"+w.cross(), "-")
	case "rust_is_available.sh":
		return "; make rustavailable says what is missing"
	case "cc-can-link.sh":
		if w.cross() != "" {
			return ", package libc6-dev-" + w.arch + "-cross"
		}
		return ", package libc6-dev"
	case "pahole-version.sh":
		return ", package dwarves"
	}
	return ""
}

// needsTools ends the chain with the failed tests of a symbol's lines, if there are any.
func (c *chain) needsTools(s *kconf.Symbol) bool {
	tests := c.w.tests(s)
	if len(tests) == 0 {
		return false
	}
	text := strings.Join(slices.Compact(tests), ", and ")
	if len(c.clauses) > 0 {
		text = s.Name + ": " + text
	}
	c.clauses = append(c.clauses, text)
	return true
}
