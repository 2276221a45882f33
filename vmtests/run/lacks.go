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

// needs lists the symbols without which systemd gives up early, by what it then prints. Profiles
// remove the network symbols; the others are only in the services profiles.
var needs = []struct {
	said    *regexp.Regexp
	symbol  string
	network bool
}{
	// cgroup_init makes /sys/fs/cgroup (kernel/cgroup/cgroup.c:6338).
	{regexp.MustCompile(`(?i)cgroup`), "CGROUPS", false},
	// System calls that are not built in (kernel/sys_ni.c).
	{regexp.MustCompile(`(?i)(?:socket|netlink).*Function not implemented`), "NET", true},
	{regexp.MustCompile(`(?i)(?:epoll|event loop|event source).*Function not implemented`), "EPOLL", false},
	{regexp.MustCompile(`(?i)signal.*Function not implemented`), "SIGNALFD", false},
	{regexp.MustCompile(`(?i)(?:timer|time change).*Function not implemented`), "TIMERFD", false},
	{regexp.MustCompile(`(?i)inotify.*Function not implemented`), "INOTIFY_USER", false},
	// An unregistered address family (__sock_create, net/socket.c).
	{regexp.MustCompile(`(?i)socket.*Address family not supported`), "UNIX", true},
	{regexp.MustCompile(`(?i)mount (?:devtmpfs|/dev)\b`), "DEVTMPFS", false},
	{regexp.MustCompile(`(?i)mount tmpfs`), "TMPFS", false},
}

// maxConfig bounds the .config of a kernel, in bytes.
const maxConfig = 4 << 20

// lacks names the symbol that an init gave up without, which is off in the kernel's .config, and a
// profile that has it. It returns "" if that is unknown.
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
		text += ", which has nothing to do with the network"
		if with := having(n.symbol, p.Name); with != "" {
			text += fmt.Sprintf(": %s has it", with)
		}
		return text
	}
	return ""
}

// having returns a profile that sets a symbol, preferably one whose name ends with another's:
// services-no-inet for no-inet. It returns "" if there is none.
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
