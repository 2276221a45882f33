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

// cardDriver is the directory of the virtio network cards, whatever namespaces they are in.
const cardDriver = "/sys/bus/virtio/drivers/virtio_net"

// Cards returns the names of n network cards. It waits until cards that the last probe had moved
// are back in the initial namespace, which must be the thread's.
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

// loadDriver makes the kernel load a driver that is a module: asked about an unknown
// interface, it tries a module of that name (net/core/dev_ioctl.c:618).
func loadDriver(module string) {
	fd, err := sock.New(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if r, err := unix.NewIfreq(module); err == nil {
		_ = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r) // fails: there is no such interface
	}
}

// idle refuses a card that is in use: a move would remove its addresses and routes for good.
// A guest's cards are never set up; those of a machine that runs the tests are its network.
func idle(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil && link.Attrs().RawFlags&unix.IFF_UP != 0 {
		err = probes.Wrong("RTM_GETLINK("+name+")", "the card is up: it is in use, and is not moved")
	}
	return probes.Try("RTM_GETLINK("+name+")", err)
}
