package page

import (
	"cmp"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/vmtests/record"
)

// place stands for the ID of a probe in a command.
const place = "PROBE"

// commands are what repeats the boot of a kernel, by the kind of probe; empty where that is unknown,
// as for a kernel from files of the user's. PROBE stands for the ID of the probe or the name of the
// application.
type commands struct {
	Probe string `json:"probe"`
	App   string `json:"app"`
	Speed string `json:"speed"`
	// Boot is QEMU's command line.
	Boot string `json:"boot"`
}

// repeat returns the commands that repeat a boot.
func repeat(r record.Record) commands {
	c := commands{Boot: esc(r.Machine.Command)}
	name := r.Ref()
	init := name.Init
	name.Init, name.Series, name.Arch = "", "", ""
	if _, err := kconfigs.Lookup(name.Profile()); err != nil {
		return c
	}
	name.Apps = false
	profile := process.Quote(name.String())
	on := ""
	if r.Series != "" {
		on += " --series " + process.Quote(r.Series)
	}
	on += " --arch " + process.Quote(cmp.Or(r.Arch, r.Kernel.Arch, "x86_64"))
	switch {
	case init != "":
		c.Probe = esc("netstrip run " + profile + " --init " + process.Quote(init) + on)
	default:
		c.Probe = esc("netstrip run " + profile + " --probes " + place + on)
		c.App = esc("netstrip apps --app " + place + " --profile " + profile + on)
		c.Speed = esc("netstrip bench " + profile + on)
	}
	return c
}

// ofProbe returns the word that stands for a probe in its command.
func ofProbe(id string) string {
	if a, ok := apps.ParseID(id); ok && within(id, wire.AppFamily) {
		id = a.Name
	}
	return word(process.Quote(strings.TrimSpace(id)))
}
