package kconfigcheck

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
)

//go:embed families.txt
var families string

// Constant reports whether a word names a socket family, or the error of a missing one, and
// is not a symbol.
func Constant(word string) bool {
	symbol := ofFamily(word)
	return word == noFamily || symbol != "" && symbol != word
}

// noFamily is the error of socket(2) and socketpair(2), and of hardly any other call, if the
// family is missing.
const noFamily = "EAFNOSUPPORT"

// ofFamily returns the symbol that a socket family needs; "" if name is not a family.
func ofFamily(name string) string {
	for line := range strings.Lines(families) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			return f[1]
		}
	}
	return ""
}

var (
	address4 = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:tcp|udp)4\b`)
	address6 = regexp.MustCompile(`(?:^|[\s(=\[])[0-9a-f:]*::[0-9a-f:]*(?:$|[\s)\],])|\b(?:tcp|udp)6\b`)
)

// family finds the symbols behind a failed socket by the family or the address in a message.
// If it has neither, one of the usual families is meant.
func (s *Symptom) family(words []string, errno string) bool {
	if !slices.Contains([]string{"", "ENOSYS", noFamily}, errno) {
		return false
	}
	for _, w := range words {
		symbol := ofFamily(w)
		if symbol == "" {
			continue
		}
		if errno == "ENOSYS" {
			symbol = "NET" // socket(2) is then in kernel/sys_ni.c
		}
		s.Symbols = []string{symbol}
		return true
	}
	switch {
	case errno != noFamily:
		return false
	case strings.Contains(s.Text, "socketpair"): // only AF_UNIX makes pairs
		s.Symbols = []string{"UNIX"}
	case address4.MatchString(s.Text):
		s.Symbols = []string{"INET"}
	case address6.MatchString(s.Text):
		s.Symbols = []string{"IPV6"}
	default:
		s.Symbols, s.Any = []string{"INET", "IPV6", "UNIX", "PACKET", "CRYPTO_USER_API", "VSOCKETS"}, true
	}
	return true
}
