//go:build linux

package lo

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// inet6Addresses returns each address in the text of /proc/net/if_inet6 as "::1/128 lo". It
// skips lines that are not as the kernel writes them (net/ipv6/addrconf.c:4542).
func inet6Addresses(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if a, ok := inet6Address(strings.Fields(line)); ok {
			found = append(found, a)
		}
	}
	return found
}

// inet6Address reads one line: the address as 32 hexadecimal digits; index, prefix length,
// scope and flags, also in hexadecimal; the interface.
func inet6Address(fields []string) (string, bool) {
	if len(fields) != 6 {
		return "", false
	}
	raw, err := hex.DecodeString(fields[0])
	if err != nil || len(raw) != 16 {
		return "", false
	}
	bits, err := strconv.ParseUint(fields[2], 16, 8)
	if err != nil || bits > 128 {
		return "", false
	}
	return fmt.Sprintf("%s/%d %s", netip.AddrFrom16([16]byte(raw)), bits, fields[5]), true
}
