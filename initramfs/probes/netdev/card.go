//go:build linux

package netdev

import (
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// cardDriver is where the cards are that the driver of virtio network cards has found,
// whichever namespace they are in.
const cardDriver = "/sys/bus/virtio/drivers/virtio_net"

// Cards returns the names of so many network cards, for which it waits until they have
// come back to the first namespace, the thread's, from where the last probe had them.
func Cards(n int) ([]string, error) {
	loadDriver("virtio_net")
	_, err := os.Stat(cardDriver)
	if err := probes.AbsentFile(filepath.Dir(cardDriver), cardDriver, err); err != nil {
		return nil, err
	}
	var names []string
	err = probes.Eventually(func() error {
		found, _ := filepath.Glob(cardDriver + "/virtio*/net/*")
		if len(found) < n {
			return probes.Wrong(cardDriver, "it has the cards %q, want %d", found, n)
		}
		names = found[:n]
		return nil
	})
	for i := range names {
		names[i] = filepath.Base(names[i])
		if err == nil {
			err = idle(names[i])
		}
	}
	return names, err
}

// loadDriver has the kernel load a driver that is a module: it tries one of the name of
// an interface that it is asked about and does not know (net/core/dev_ioctl.c:618).
func loadDriver(module string) {
	fd, err := sock.New(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if r, err := unix.NewIfreq(module); err == nil {
		_ = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r) // that there is no such interface is known
	}
}

// idle refuses a card that somebody uses: to move it would take its addresses and routes
// from it for good. The guest's are never set up; those of a machine that runs the tests
// are its connection to the world.
func idle(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil && link.Attrs().RawFlags&unix.IFF_UP != 0 {
		err = probes.Wrong("RTM_GETLINK("+name+")", "the card is up: somebody uses it, so it stays where it is")
	}
	return probes.Try("RTM_GETLINK("+name+")", err)
}
