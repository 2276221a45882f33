package run

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// longestName bounds the name of a console log without its suffixes, in bytes; file systems take
// 255 with them (include/uapi/linux/limits.h:12).
const longestName = 200

// logName turns a boot's ID into the name of a file. It cuts a long ID, and adds a hash that
// distinguishes it from others with the same beginning.
func logName(id string) string {
	name := strings.ReplaceAll(id, "/", "-")
	if len(name) <= longestName {
		return name
	}
	sum := sha256.Sum256([]byte(id))
	return strings.ToValidUTF8(name[:longestName-17], "") + "-" + hex.EncodeToString(sum[:8])
}
