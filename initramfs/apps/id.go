package apps

import (
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// ID names a way of using an application, and the probe that asks it: app/NAME/WAY.
type ID struct{ Name, Way string }

// ParseID takes the ID of a probe apart, and reports whether it is one of an application.
func ParseID(probe string) (ID, bool) {
	parts := strings.Split(probe, "/")
	if len(parts) != 3 || parts[0] != wire.AppFamily {
		return ID{}, false
	}
	return ID{parts[1], parts[2]}, true
}

// String returns the ID of the probe. A Way of "*" is a pattern of all.
func (id ID) String() string { return wire.AppFamily + "/" + id.Name + "/" + id.Way }

// Asked reports whether a list of probes, separated by commas, has some of applications.
func Asked(probes string) bool {
	return strings.Contains(","+probes, ","+wire.AppFamily+"/")
}
