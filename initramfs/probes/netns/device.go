//go:build linux

package netns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// linkIs asks whether the thread's namespace has an interface, want says whether it should.
func linkIs(name string, want bool) error {
	_, err := netlink.LinkByName(name)
	if gone := errors.As(err, new(netlink.LinkNotFoundError)); gone == want {
		return probes.Wrong("RTM_GETLINK("+name+")", "the interface is there: %v, it should be: %v", !gone, want)
	} else if gone {
		return nil
	}
	return probes.Try("RTM_GETLINK("+name+")", err)
}

// inTwoNamespaces runs f in one of two new namespaces.
func inTwoNamespaces(f func(here, there *os.File) error) error {
	return netdev.OnThread(func() error {
		there, err := netdev.New()
		if err != nil {
			return err
		}
		defer there.Close()
		here, err := netdev.New()
		if err != nil {
			return err
		}
		defer here.Close()
		return f(here, there)
	})
}

func onePlace(context.Context) (probes.Answer, error) {
	const call = "RTM_NEWLINK(device netns)"
	if err := sock.Route(); err != nil {
		return probes.Answer{}, err
	}
	return probes.Answer{Call: call, Detail: "it was here, and then there alone"}, inTwoNamespaces(func(_, there *os.File) error {
		if err := netdev.AddDummy("device"); err != nil {
			return err
		}
		if err := netdev.Move("device", there); err != nil {
			return err
		}
		if err := linkIs("device", false); err != nil {
			return err
		}
		if err := netdev.Enter(there); err != nil {
			return err
		}
		return linkIs("device", true)
	})
}

// vethEnds lets go of the namespace of one end. It is taken down by a worker of the
// kernel's (net/core/net_namespace.c:581), for which there is nothing to do but wait.
func vethEnds(context.Context) (probes.Answer, error) {
	if err := sock.Route(); err != nil {
		return probes.Answer{}, err
	}
	err := inTwoNamespaces(func(here, there *os.File) error {
		if _, err := netdev.JoinVeth(here, there); err != nil {
			return err
		}
		there.Close() // nobody else has it
		return probes.Eventually(func() error { return linkIs("near", false) })
	})
	return probes.Answer{Call: "RTM_GETLINK(near)", Detail: "one end went with its namespace, the other one went too"}, err
}

// cardReturns: what was not made by netlink is not destroyed with a namespace, but goes
// back to the first one (net/core/dev.c:11924).
func cardReturns(context.Context) (probes.Answer, error) {
	if err := sock.Route(); err != nil {
		return probes.Answer{}, err
	}
	names, err := netdev.Cards(1)
	if err != nil {
		return probes.Answer{}, err
	}
	err = netdev.OnThread(func() error {
		home, err := netdev.Open()
		if err != nil {
			return err
		}
		defer home.Close()
		there, err := netdev.New()
		if err != nil {
			return err
		}
		defer there.Close()
		if err := netdev.Enter(home); err != nil {
			return err
		}
		if err := netdev.Move(names[0], there); err != nil {
			return err
		}
		if err := linkIs(names[0], false); err != nil {
			return err
		}
		there.Close()
		return probes.Eventually(func() error { return linkIs(names[0], true) })
	})
	return probes.Answer{Call: "RTM_GETLINK(card)", Detail: fmt.Sprintf("%s was gone, and came back", strings.Join(names, ""))}, err
}
