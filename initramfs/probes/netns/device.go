//go:build linux

package netns

import (
	"context"
	"errors"
	"os"

	"github.com/vishvananda/netlink"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
)

// linkIs checks whether an interface exists in the thread's namespace, as wanted.
func linkIs(name string, want bool) error {
	_, err := netlink.LinkByName(name)
	if gone := errors.As(err, new(netlink.LinkNotFoundError)); gone == want {
		return probes.Wrong("RTM_GETLINK("+name+")", "the interface exists: %v, want %v", !gone, want)
	} else if gone {
		return nil
	}
	return probes.Try("RTM_GETLINK("+name+")", err)
}

func onePlace(context.Context) (probes.Answer, error) {
	return probes.Answer{Call: "RTM_NEWLINK(device netns)", Detail: "the device was here, and then only there"}, netdev.InTwo(func(_, there *os.File) error {
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

// vethEnds closes the namespace of one end. A kernel worker destroys it some time later
// (net/core/net_namespace.c:581).
func vethEnds(context.Context) (probes.Answer, error) {
	err := netdev.InTwo(func(here, there *os.File) error {
		if _, err := netdev.JoinVeth(here, there); err != nil {
			return err
		}
		there.Close() // the only reference
		return probes.Eventually(func() error { return linkIs("near", false) })
	})
	return probes.Answer{Call: "RTM_GETLINK(near)", Detail: "one end disappeared with its namespace, and so did the other"}, err
}

// cardReturns moves a card into a namespace and closes that. A device that was not created
// over netlink is not destroyed with a namespace, but returns to the first one
// (net/core/dev.c:11924).
func cardReturns(context.Context) (probes.Answer, error) {
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
	return probes.Answer{Call: "RTM_GETLINK(card)", Detail: names[0] + " was gone, and returned"}, err
}
