//go:build linux

package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func netnsDeviceProbes() []Probe {
	return []Probe{
		{
			ID:       "netns/device/one-place",
			Question: "Is a device that was moved into a network namespace there and nowhere else?",
			ask:      onePlace,
		},
		{
			ID:       "netns/device/veth-ends",
			Question: "Does a veth device go with the network namespace of its other end?",
			ask:      vethEnds,
		},
		{
			ID:       "netns/device/card-returns",
			Question: "Does a network card come back when the network namespace that has it ends?",
			ask:      cardReturns,
		},
	}
}

// linkIs asks whether the thread's namespace has an interface, want says whether it should.
func linkIs(name string, want bool) error {
	_, err := netlink.LinkByName(name)
	if gone := errors.As(err, new(netlink.LinkNotFoundError)); gone == want {
		return wrong("RTM_GETLINK("+name+")", "the interface is there: %v, it should be: %v", !gone, want)
	} else if gone {
		return nil
	}
	return try("RTM_GETLINK("+name+")", err)
}

// moveLink moves an interface out of the thread's namespace.
func moveLink(name string, to *os.File) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetNsFd(link, int(to.Fd()))
	}
	return try("RTM_NEWLINK("+name+" netns)", err)
}

// addDummy makes an interface that leads nowhere.
func addDummy(name string) error {
	dummy := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: name}}
	// EOPNOTSUPP: "Unknown device type" (net/core/rtnetlink.c:3857).
	return try("RTM_NEWLINK(dummy)", netlink.LinkAdd(dummy), unix.EOPNOTSUPP)
}

// inTwoNamespaces runs f in one of two new namespaces.
func inTwoNamespaces(f func(here, there *os.File) error) error {
	return onThread(func() error {
		there, err := newNamespace()
		if err != nil {
			return err
		}
		defer there.Close()
		here, err := newNamespace()
		if err != nil {
			return err
		}
		defer here.Close()
		return f(here, there)
	})
}

func onePlace(context.Context) (answer, error) {
	const call = "RTM_NEWLINK(device netns)"
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	return answer{call: call, detail: "it was here, and then there alone"}, inTwoNamespaces(func(_, there *os.File) error {
		if err := addDummy("device"); err != nil {
			return err
		}
		if err := moveLink("device", there); err != nil {
			return err
		}
		if err := linkIs("device", false); err != nil {
			return err
		}
		if err := enter(there); err != nil {
			return err
		}
		return linkIs("device", true)
	})
}

// vethEnds lets go of the namespace of one end. It is taken down by a worker of the
// kernel's (net/core/net_namespace.c:581), for which there is nothing to do but wait.
func vethEnds(context.Context) (answer, error) {
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	err := inTwoNamespaces(func(here, there *os.File) error {
		if _, err := joinVeth(here, there); err != nil {
			return err
		}
		there.Close() // nobody else has it
		return eventually(func() error { return linkIs("near", false) })
	})
	return answer{call: "RTM_GETLINK(near)", detail: "one end went with its namespace, the other one went too"}, err
}

// eventually waits until check is content, and then gives its error.
func eventually(check func() error) error {
	err := check()
	for end := time.Now().Add(patience * time.Second); err != nil && time.Now().Before(end); err = check() {
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

// cardDriver is where the cards are that the driver of virtio network cards has found,
// whichever namespace they are in.
const cardDriver = "/sys/bus/virtio/drivers/virtio_net"

// cards returns the names of so many network cards, for which it waits until they have
// come back to the first namespace, the thread's, from where the last probe had them.
func cards(n int) ([]string, error) {
	loadDriver("virtio_net")
	_, err := os.Stat(cardDriver)
	if err := absentFile(filepath.Dir(cardDriver), cardDriver, err); err != nil {
		return nil, err
	}
	var names []string
	err = eventually(func() error {
		found, _ := filepath.Glob(cardDriver + "/virtio*/net/*")
		if len(found) < n {
			return wrong(cardDriver, "it has the cards %q, want %d", found, n)
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
	fd, err := socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
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
		err = wrong("RTM_GETLINK("+name+")", "the card is up: somebody uses it, so it stays where it is")
	}
	return try("RTM_GETLINK("+name+")", err)
}

// cardReturns: what was not made by netlink is not destroyed with a namespace, but goes
// back to the first one (net/core/dev.c:11924).
func cardReturns(context.Context) (answer, error) {
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	names, err := cards(1)
	if err != nil {
		return answer{}, err
	}
	err = onThread(func() error {
		home, err := openNetns()
		if err != nil {
			return err
		}
		defer home.Close()
		there, err := newNamespace()
		if err != nil {
			return err
		}
		defer there.Close()
		if err := enter(home); err != nil {
			return err
		}
		if err := moveLink(names[0], there); err != nil {
			return err
		}
		if err := linkIs(names[0], false); err != nil {
			return err
		}
		there.Close()
		return eventually(func() error { return linkIs(names[0], true) })
	})
	return answer{call: "RTM_GETLINK(card)", detail: fmt.Sprintf("%s was gone, and came back", strings.Join(names, ""))}, err
}
