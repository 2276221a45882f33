package kbuild

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// keyFiles matches the lines of a .config that name a file of keys or hashes (certs/Kconfig).
// Distributions do not publish theirs, and make stops at a missing file.
var keyFiles = regexp.MustCompile(`(?m)^CONFIG_(SYSTEM_TRUSTED_KEYS|SYSTEM_REVOCATION_KEYS|SYSTEM_BLACKLIST_HASH_LIST|MODULE_SIG_KEY)="([^"\n]+)"$`)

// ownKey is the key that kbuild generates.
const ownKey = "certs/signing_key.pem"

// lacksKey reports whether a .config's line names a file of keys that does not exist. Relative paths
// start at the source.
func lacksKey(line, tree string) bool {
	m := keyFiles.FindStringSubmatch(line)
	if m == nil || m[2] == ownKey {
		return false
	}
	path := m[2]
	if !filepath.IsAbs(path) {
		path = filepath.Join(tree, path)
	}
	_, err := os.Stat(path)
	return err != nil
}

// withoutKeys returns a .config without the files of keys that do not exist. The kernel then trusts
// only the key that is made with it, which signs its modules.
func withoutKeys(text, tree string) string {
	return keyFiles.ReplaceAllStringFunc(text, func(line string) string {
		if !lacksKey(line, tree) {
			return line
		}
		symbol, _, _ := strings.Cut(line, "=")
		if symbol == "CONFIG_MODULE_SIG_KEY" {
			return symbol + `="` + ownKey + `"`
		}
		return symbol + `=""`
	})
}
