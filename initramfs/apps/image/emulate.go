package image

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
)

// fixed matches the entry of an emulator that the kernel holds open, so that it starts in every
// root directory (Documentation/admin-guide/binfmt-misc.rst).
var fixed = regexp.MustCompile(`(?m)^flags: .*F`)

// register registers the emulator in $0, a file of binfmt.d(5), in the table that a user namespace
// can have since Linux 6.7 (fs/binfmt_misc.c:990). The machine's own table stays as it is.
const register = `t=/proc/sys/fs/binfmt_misc
mount -t binfmt_misc binfmt_misc $t && cat "$0" > $t/register ||
	{ echo >&2 "E: this kernel runs an emulator only if root registers it for the whole machine: systemctl restart systemd-binfmt"; exit 1; }
exec "$@"`

// emulated returns a command that runs mmdebstrap, and starts an emulator for the programs of the
// disk's architecture.
func (b builder) emulated(c process.Command, mode string) (process.Command, error) {
	if mode == "fakechroot" {
		return c, errors.New("a disk for " + b.arch.Name + " needs root, or newuidmap and an entry in /etc/subuid")
	}
	// mmdebstrap's own check needs two more packages.
	c.Args = slices.Insert(slices.Clone(c.Args), 1, "--skip=check/qemu")
	emulator := strings.Replace(b.arch.QEMU, "-system", "", 1)
	entry, err := os.ReadFile("/proc/sys/fs/binfmt_misc/" + emulator)
	if err == nil && strings.HasPrefix(string(entry), "enabled\n") && fixed.Match(entry) {
		return c, nil
	}
	line := "/usr/lib/binfmt.d/" + emulator + ".conf"
	if _, err := os.Stat(line); err != nil {
		return c, programs.Missing(line)
	}
	c.Env = append(process.Environ(c.Args[0]), c.Env...)
	c.Args = slices.Concat([]string{"sh", "-c", register, line}, c.Args)
	if c.Isolate = os.Geteuid() == 0; !c.Isolate {
		c.Args = slices.Concat([]string{"unshare", "--user", "--map-auto", "--map-root-user", "--mount"}, c.Args)
	}
	return c, nil
}
