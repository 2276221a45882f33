package apps

import (
	"context"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// ID names one way of using an application. It is the ID of a probe, app/NAME/WAY.
type ID struct{ Name, Way string }

// ParseID parses the ID of a probe, and reports whether it is one of an application.
func ParseID(probe string) (ID, bool) {
	parts := strings.Split(probe, "/")
	if len(parts) != 3 || parts[0] != wire.AppFamily {
		return ID{}, false
	}
	return ID{parts[1], parts[2]}, true
}

// String returns the ID of the probe. With the Way "*" it is a pattern that matches all ways.
func (id ID) String() string { return wire.AppFamily + "/" + id.Name + "/" + id.Way }

// Asked reports whether a comma-separated list of probes contains applications.
func Asked(probes string) bool {
	return strings.Contains(","+probes, ","+wire.AppFamily+"/")
}

// ProbeIDs returns the IDs of all probes: those of the catalogue, and of netstrip's applications.
func ProbeIDs() ([]string, error) {
	var ids []string
	for _, p := range wire.Probes() {
		ids = append(ids, p.ID)
	}
	list, err := Load(context.Background(), "")
	for _, a := range Wire(list) {
		ids = append(ids, a.ID)
	}
	return ids, err
}
