//go:build linux

package kernel

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/packet"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// pingTUN pings the address of its own TUN device from the program's side.
func pingTUN(context.Context) (probes.Answer, error) {
	return probes.Answer{Call: "/dev/net/tun", Detail: "the echo came back with all its bytes"}, netdev.Apart(func() error {
		fd, err := tunDevice("netstrip0")
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		request := packet.Echo(packet.EchoRequest, 1, 1, probes.Pattern(56))
		if _, err := unix.Write(fd, ipv4Packet([4]byte{192, 0, 2, 2}, [4]byte{192, 0, 2, 1}, request)); err != nil {
			return probes.Try("write(tun)", err)
		}
		want := packet.Echo(packet.EchoReply, 1, 1, probes.Pattern(56))
		for range 64 { // IPv6 sends packets of its own
			got, err := readNext(fd)
			if err != nil {
				return err
			}
			if bytes.Equal(packet.ICMP(got), want) {
				return nil
			}
		}
		return probes.Wrong("read(tun)", "64 packets came, but no echo")
	})
}

// tunDevice creates a TUN device in the thread's namespace, with the address 192.0.2.1.
func tunDevice(name string) (int, error) {
	const minor = 200
	fd, err := openDevice("/dev/net/tun", unix.S_IFCHR, miscMajor, minor)
	if err != nil {
		return -1, err
	}
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	err = probes.Try("ioctl(TUNSETIFF)", err)
	if err == nil {
		err = netdev.SetUp(name, &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// ipv4Packet returns an IPv4 packet that contains an ICMP message (RFC 791).
func ipv4Packet(from, to [4]byte, message []byte) []byte {
	p := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_ICMP, 0, 0}
	p = append(append(p, from[:]...), to[:]...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)+len(message)))
	binary.BigEndian.PutUint16(p[10:], packet.Checksum(p))
	return append(p, message...)
}

// wireguard creates an interface, but no tunnel, which takes two.
func wireguard(context.Context) (probes.Answer, error) {
	const call, name = "RTM_NEWLINK(wireguard)", "netstrip0"
	return probes.Answer{Call: call, Detail: "an interface was created, set up and deleted"}, netdev.Apart(func() error {
		link := &netlink.Wireguard{LinkAttrs: netlink.LinkAttrs{Name: name}}
		// EOPNOTSUPP: "Unknown device type" (net/core/rtnetlink.c:3857).
		if err := probes.Try(call, netlink.LinkAdd(link), unix.EOPNOTSUPP); err != nil {
			return err
		}
		got, err := netlink.LinkByName(name)
		if err == nil && got.Type() != "wireguard" {
			err = probes.Wrong(call, "the interface is of type %s", got.Type())
		}
		if err == nil {
			err = netlink.LinkSetUp(got)
		}
		return errors.Join(probes.Try(call, err), probes.Try("RTM_DELLINK(wireguard)", netlink.LinkDel(link)))
	})
}

// clockClass looks for the class of the clocks, since no card here has one.
func clockClass(context.Context) (probes.Answer, error) {
	_, err := os.Stat("/sys/class/ptp")
	return probes.Answer{Call: "/sys/class/ptp"}, probes.AbsentFile("/sys/class", "/sys/class/ptp", err)
}

// Numbers of NBD (include/uapi/linux/nbd.h).
const (
	nbdMajor      = 43
	nbdSetSock    = 0xab00
	nbdDoIt       = 0xab03
	nbdClearSock  = 0xab04
	nbdSetBlocks  = 0xab07
	nbdDisconnect = 0xab08
	nbdReply      = 0x67446698
	nbdRead       = 0
	nbdBlock      = 4096
)

// networkDisk serves a disk of 16 blocks through one end of a connection, and reads one of them
// through the kernel.
func networkDisk(context.Context) (probes.Answer, error) {
	_, _ = netlink.GenlFamilyGet("nbd") // makes the kernel load the driver if it is a module
	disk, err := openDevice("/dev/nbd0", unix.S_IFBLK, nbdMajor, 0)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(disk)
	p, err := anyStream()
	if err != nil {
		return probes.Answer{}, err
	}
	for _, c := range [][2]uintptr{{nbdSetBlocks, 16}, {nbdSetSock, uintptr(p.A)}} {
		if _, err := probes.Syscall(unix.SYS_IOCTL, uintptr(disk), c[0], c[1]); err != nil {
			p.Close()
			return probes.Answer{}, probes.Try("ioctl(NBD_SET_SOCK)", err)
		}
	}
	served, done := make(chan error, 1), make(chan error, 1)
	go func() { served <- nbdServer(sock.Descriptor(p.B)) }()
	go func() {
		_, err := probes.Syscall(unix.SYS_IOCTL, uintptr(disk), nbdDoIt)
		done <- err
	}()
	err = readBlock(disk)
	probes.Syscall(unix.SYS_IOCTL, uintptr(disk), nbdDisconnect)
	unix.Shutdown(p.B, unix.SHUT_WR) // ends the kernel's side
	<-done
	unix.Shutdown(p.A, unix.SHUT_RDWR)
	serr := <-served
	probes.Syscall(unix.SYS_IOCTL, uintptr(disk), nbdClearSock)
	p.Close()
	return probes.Answer{Call: "/dev/nbd0", Detail: "a block was served and read"}, errors.Join(err, serr)
}

// anyStream returns a connection of whichever family this kernel has.
func anyStream() (sock.Pair, error) {
	p, err := sock.Socketpair(unix.SOCK_STREAM)
	if err != nil {
		if p, terr := sock.Connected(unix.AF_INET, unix.SOCK_STREAM, sock.Loopback(unix.AF_INET)); terr == nil {
			return p, nil
		}
	}
	return p, err
}

// readBlock reads the second block of the disk, which has none until it is served.
func readBlock(disk int) error {
	buf := make([]byte, nbdBlock)
	for range probes.Patience * 1000 {
		n, err := probes.Again(func() (int, error) { return unix.Pread(disk, buf, nbdBlock) })
		if err == nil && n == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		if err == nil && !bytes.Equal(buf[:n], probes.Pattern(nbdBlock)) {
			err = probes.Wrong("read(nbd)", "got %d bytes that are not those served", n)
		}
		return probes.Try("read(nbd)", err)
	}
	return probes.Wrong("read(nbd)", "the disk remained empty")
}

// nbdServer serves the pattern as every block, until it is told to end.
func nbdServer(conn sock.Descriptor) error {
	be := binary.BigEndian
	for {
		request := make([]byte, 28) // magic, command, number, offset, length
		if _, err := io.ReadFull(conn, request); err != nil {
			return probes.Try("read", err)
		}
		if be.Uint32(request[4:]) != nbdRead {
			return nil // NBD_CMD_DISC: the disk is only read
		}
		reply := be.AppendUint32(nil, nbdReply)
		reply = append(be.AppendUint32(reply, 0), request[8:16]...)
		for range be.Uint32(request[24:]) / nbdBlock {
			reply = append(reply, probes.Pattern(nbdBlock)...)
		}
		if _, err := conn.Write(reply); err != nil {
			return probes.Try("write", err)
		}
	}
}
