package run

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// longestName is how many bytes the name of a console log has at most before its suffixes;
// the file system takes 255 with them (include/uapi/linux/limits.h:12).
const longestName = 200

// logName returns a boot's ID as the name of a file. A long ID keeps its beginning, and a
// hash tells it from others that begin alike.
func logName(id string) string {
	name := strings.ReplaceAll(id, "/", "-")
	if len(name) <= longestName {
		return name
	}
	sum := sha256.Sum256([]byte(id))
	return strings.ToValidUTF8(name[:longestName-17], "") + "-" + hex.EncodeToString(sum[:8])
}
