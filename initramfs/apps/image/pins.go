package image

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/netstrip/netstrip/kconfigs/file"
)

//go:embed pins.yaml
var pinsFile []byte

// pinned returns the contents of pins.yaml.
var pinned = sync.OnceValue(func() pins {
	p, err := parsePins(pinsFile)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return p
})

// pins decide which packages, in which versions, are on the disk.
type pins struct {
	Release, NPM, Epoch string
	Sources             []string
}

// parsePins reads pins strictly, and inserts the release into the sources.
func parsePins(data []byte) (p pins, err error) {
	if err := file.YAML(data, &p); err != nil {
		return p, fmt.Errorf("parsing what the disk is made of: %w", err)
	}
	for i, s := range p.Sources {
		p.Sources[i] = strings.ReplaceAll(s, "RELEASE", p.Release)
	}
	return p, nil
}
