package source

import (
	_ "embed"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/file"
)

//go:embed pinned.yaml
var pinnedFile []byte

// pin is a release of the kernel.
type pin struct {
	URL    string
	SHA256 string
}

// parsePinned reads the pinned releases, by series. Open checks their hashes.
func parsePinned(data []byte) (map[string]pin, error) {
	var all map[string]pin
	if err := file.YAML(data, &all); err != nil {
		return nil, fmt.Errorf("parsing the pinned releases: %w", err)
	}
	return all, nil
}
