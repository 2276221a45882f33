package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// runnerFile is the script that runs on the disk after all packages are installed, and
// listFile the file in which it lists them.
const (
	runnerFile = "/srv/netstrip-make"
	listFile   = "/srv/netstrip-packages.txt"
)

// runner returns that script: the commands that the applications declare, in the order of
// their names, and commands that make the disk reproducible.
func runner(list []apps.App) string {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b apps.App) int { return strings.Compare(a.Name, b.Name) })
	var s strings.Builder
	s.WriteString("#!/bin/sh\nset -e\n")
	for _, a := range list {
		for _, c := range a.Make.Run {
			fmt.Fprintf(&s, "%s || { echo >&2 %s; exit 1; }\n", line(c), process.Quote("error: "+a.Name+": make: "+c.Argv[0]+" did not succeed"))
		}
	}
	s.WriteString(`rm -f /etc/resolv.conf /var/log/*.log /var/log/*/*.log /var/cache/debconf/*-old /var/lib/dpkg/*-old
{ dpkg-query -W -f '${Package} ${Version} ${Architecture}\n'; cat /srv/*/npm.txt; } 2>/dev/null | sort > ` + listFile + "\nrm -f " + runnerFile + "\n")
	return s.String()
}

// line returns a command in the syntax of sh.
func line(c wire.Command) string {
	words := []string{"env"}
	if c.User != "" {
		words = append([]string{"setpriv", "--reuid", c.User, "--regid", c.User, "--init-groups"}, words...)
	}
	if c.Dir != "" {
		words = append(words, "--chdir", c.Dir)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		words = append(words, name+"="+c.Env[name])
	}
	return process.Quote(append(words, c.Argv...)...)
}
