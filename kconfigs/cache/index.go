package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
)

// maxIndex bounds an entry that is a file, in bytes.
const maxIndex = 1 << 20

// indexSuffix ends the kinds of indexes.
const indexSuffix = "-index"

// WriteIndex writes down that name leads to the entry key of a kind. Purpose says for
// people what the entry is for.
//
// The second line confirms the first: without it, an index that was copied over another,
// or changed by hand, would lead to an entry made for something else.
func (c *Cache) WriteIndex(kind, name, key, purpose string) error {
	text := key + " " + purpose + "\n" + confirmation(kind, name, key) + "\n"
	return WriteFile(c.Path(kind+indexSuffix, name), []byte(text))
}

// ReadIndex returns the key that name leads to in a kind. Confirmed is false for an index
// that an older netstrip wrote: whoever uses the entry has to find out whether it is the
// one that was meant. The error wraps ErrDamaged for an index that was changed, or
// fs.ErrNotExist.
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

// parseIndex reads an index: a key and a purpose, and the confirmation in the next line.
func parseIndex(text string) (key, purpose, confirmation string) {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	key, purpose, _ = strings.Cut(first, " ")
	return key, purpose, strings.TrimSpace(rest)
}

// confirmation is a hash of all that an index says.
func confirmation(kind, name, key string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q leads to %q of %q", name, key, kind))
	return "confirmed " + hex.EncodeToString(sum[:])
}
