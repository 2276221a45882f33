package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
)

// maxIndex is the largest size of an entry that is a file, in bytes.
const maxIndex = 1 << 20

// indexSuffix ends the kinds of indexes.
const indexSuffix = "-index"

// WriteIndex records that name leads to the entry key of a kind. Purpose tells people what
// the entry is for.
//
// The second line confirms the first: otherwise an index that was copied over another, or
// edited, could lead to the wrong entry.
func (c *Cache) WriteIndex(kind, name, key, purpose string) error {
	text := key + " " + purpose + "\n" + confirmation(kind, name, key) + "\n"
	return WriteFile(c.Path(kind+indexSuffix, name), []byte(text))
}

// ReadIndex returns the key that name leads to in a kind. Confirmed is false for an index
// written by an older netstrip: the caller has to check that the entry is the right one. The
// error wraps ErrDamaged for an index that was changed, or fs.ErrNotExist.
func (c *Cache) ReadIndex(kind, name string) (key string, confirmed bool, err error) {
	path := c.Path(kind+indexSuffix, name)
	data, err := file.Read(path, maxIndex)
	if errors.Is(err, file.ErrIrregular) || errors.Is(err, file.ErrTooLong) {
		return "", false, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return "", false, err
	}
	key, _, written := parseIndex(string(data))
	switch {
	case key == "" || strings.Contains(key, "/"):
		return "", false, fmt.Errorf("%w: %s names no entry", ErrDamaged, path)
	case written == "":
		return key, false, nil
	case written != confirmation(kind, name, key):
		return "", false, fmt.Errorf("%w: %s leads to %s/%.12s, which was not made for it", ErrDamaged, path, kind, key)
	}
	return key, true, nil
}

// parseIndex reads an index: a key and a purpose, then a line with the confirmation.
func parseIndex(text string) (key, purpose, confirmation string) {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	key, purpose, _ = strings.Cut(first, " ")
	return key, purpose, strings.TrimSpace(rest)
}

// confirmation is a hash over an index.
func confirmation(kind, name, key string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q leads to %q of %q", name, key, kind))
	return "confirmed " + hex.EncodeToString(sum[:])
}

// Key returns a hash of parts, 64 hexadecimal digits. No other parts have the same.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
