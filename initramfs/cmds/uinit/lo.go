//go:build linux

package main

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// setLo has lo as the kernel command line wants it, after u-root's init has set it up.
// Going down leaves an interface its IPv4 addresses; as it is born, lo has none.
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

// setUpLo sets up the loopback interface, if there is one: it is born down.
func setUpLo() {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		say("setting up lo: %v", err)
	}
}
