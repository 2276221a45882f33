package kbuild

import (
	"bytes"
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v3"
)

//go:embed pinned.yaml
var pinnedFile []byte

// pin is a release of the kernel.
type pin struct {
	URL    string
	SHA256 string
}

// parsePinned reads the pinned releases, by series. OpenSource checks their hashes.
func parsePinned(data []byte) (map[string]pin, error) {
	var all map[string]pin
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("parsing the pinned releases: %w", err)
	}
	return all, nil
}
