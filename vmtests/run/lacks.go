package run

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/record"
)

// needs are the symbols without which systemd gives up early, by what it prints then. Profiles remove
// those of the network; the others are only in the profiles called services.
var needs = []struct {
	said    *regexp.Regexp
	symbol  string
	network bool
}{
	// cgroup_init makes /sys/fs/cgroup (kernel/cgroup/cgroup.c:6338).
	{regexp.MustCompile(`(?i)cgroup`), "CGROUPS", false},
	// System calls that are not compiled in (kernel/sys_ni.c).
	{regexp.MustCompile(`(?i)(?:socket|netlink).*Function not implemented`), "NET", true},
	{regexp.MustCompile(`(?i)(?:epoll|event loop|event source).*Function not implemented`), "EPOLL", false},
	{regexp.MustCompile(`(?i)signal.*Function not implemented`), "SIGNALFD", false},
	{regexp.MustCompile(`(?i)(?:timer|time change).*Function not implemented`), "TIMERFD", false},
	{regexp.MustCompile(`(?i)inotify.*Function not implemented`), "INOTIFY_USER", false},
	// A family that is not registered (__sock_create, net/socket.c).
	{regexp.MustCompile(`(?i)socket.*Address family not supported`), "UNIX", true},
	{regexp.MustCompile(`(?i)mount (?:devtmpfs|/dev)\b`), "DEVTMPFS", false},
	{regexp.MustCompile(`(?i)mount tmpfs`), "TMPFS", false},
}

// maxConfig bounds the .config of a kernel.
const maxConfig = 4 << 20

// lacks names the symbol that is missing for an init that gave up, and a profile that has it. It
// returns "" if that is unknown. The symbol is off in the kernel's .config.
func lacks(p kconfigs.Profile, config string, rec record.Record) string {
	said := console.GaveUp(rec.Said)
	if rec.Outcome != record.Hung || said == "" || config == "" {
		return ""
	}
	data, err := file.Read(config, maxConfig)
	if err != nil {
		return ""
	}
	c, err := kconfigs.ParseConfig(data)
	if err != nil {
		return ""
	}
	for _, n := range needs {
		if !n.said.MatchString(said) || c.Value(n.symbol) != "n" {
			continue
		}
		text := fmt.Sprintf("; %s is n on this kernel", n.symbol)
		if n.network {
			return text
		}
		text += ", which is not for want of a network"
		if with := having(n.symbol, p.Name); with != "" {
			text += fmt.Sprintf(": %s has it", with)
		}
		return text
	}
	return ""
}

// having returns the profile that asks for a symbol and whose name is nearest to another's:
// services-no-inet for no-inet; "" if there is none.
func having(symbol, name string) string {
	best := ""
	for _, p := range kconfigs.Profiles() {
		r, err := p.Request()
		if err != nil {
			continue
		}
		for _, s := range r.Settings {
			switch {
			case s.Symbol != symbol || s.Value != "y":
			case strings.HasSuffix(p.Name, "-"+name):
				return p.Name
			case best == "":
				best = p.Name
			}
		}
	}
	return best
}
