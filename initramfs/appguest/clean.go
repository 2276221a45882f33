//go:build linux

package appguest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/vishvananda/netlink"
)

// links returns the names of the network devices of the initial namespace.
func links() map[string]bool {
	names := map[string]bool{}
	all, err := netlink.LinkList()
	if err != nil {
		return names // without NET there are none
	}
	for _, l := range all {
		names[l.Attrs().Name] = true
	}
	return names
}

// clean removes what a sandbox leaves in the initial namespaces: network devices that were
// not there before, and control groups. It is best effort.
func clean(before map[string]bool) {
	for name := range links() {
		if l, err := netlink.LinkByName(name); err == nil && !before[name] {
			_ = netlink.LinkDel(l)
		}
	}
	var dirs []string
	_ = filepath.WalkDir(groups, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != groups {
			dirs = append(dirs, path)
		}
		return nil
	})
	slices.Reverse(dirs) // innermost first
	for _, d := range dirs {
		_ = os.Remove(d)
	}
}
