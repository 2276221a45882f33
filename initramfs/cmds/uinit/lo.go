//go:build linux

package main

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// setLo sets lo as the kernel command line says, after u-root's init has set it up. An interface
// that goes down keeps its IPv4 addresses, which a new lo does not have, so they are removed.
func setLo(cmdline string) error {
	switch how := parameter(cmdline, wire.ParamLo); how {
	case "":
		return nil
	case wire.LoDown:
	default:
		return fmt.Errorf("setting lo: %s is %q, want %s", wire.ParamLo, how, wire.LoDown)
	}
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetDown(lo)
	}
	if err != nil {
		return fmt.Errorf("setting lo down: %w", err)
	}
	addrs, err := netlink.AddrList(lo, netlink.FAMILY_ALL)
	for i := 0; err == nil && i < len(addrs); i++ {
		err = netlink.AddrDel(lo, &addrs[i])
	}
	if err != nil {
		return fmt.Errorf("taking the addresses of lo: %w", err)
	}
	return nil
}

// setUpLo sets up the loopback interface, which is down at first.
func setUpLo() {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		say("setting up lo: %v", err)
	}
}
