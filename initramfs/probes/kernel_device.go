//go:build linux

package probes

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
)

// deviceProbes ask for devices that are there for the network's sake.
func deviceProbes() []Probe {
	return []Probe{
		{
			ID:       "kernel/tun",
			Question: "Does the kernel answer a ping that a program writes to a TUN device?",
			ask:      pingTUN,
		},
		{
			ID:       "kernel/wireguard",
			Question: "Can a WireGuard interface be made?",
			ask:      wireguard,
		},
		{
			ID:       "kernel/nbd",
			Question: "Can a program serve a disk through a socket?",
			ask:      networkDisk,
		},
		{
			ID:       "kernel/ptp",
			Question: "Has the kernel a place for the clocks of network cards?",
			ask:      clockClass,
		},
	}
}

// pingTUN pings the address of its own TUN device from the program's side of it.
func pingTUN(context.Context) (answer, error) {
	return answer{call: "/dev/net/tun", detail: "the echo came back with all its bytes"}, apart(func() error {
		fd, err := tunDevice("netstrip0")
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		request := echoMessage(icmpEchoRequest, 1, 1, pattern(56))
		if _, err := unix.Write(fd, ipv4Packet([4]byte{192, 0, 2, 2}, [4]byte{192, 0, 2, 1}, request)); err != nil {
			return try("write(tun)", err)
		}
		want := echoMessage(icmpEchoReply, 1, 1, pattern(56))
		for range 64 { // IPv6 has packets of its own to send
			packet, err := readNext(fd)
			if err != nil {
				return err
			}
			if bytes.Equal(icmpPart(packet), want) {
				return nil
			}
		}
		return wrong("read(tun)", "64 packets, and no echo among them")
	})
}

// tunDevice makes a TUN device in the thread's namespace, with the address 192.0.2.1.
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
	err = try("ioctl(TUNSETIFF)", err)
	if err == nil {
		err = setUp(name, &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// ipv4Packet is an IPv4 packet with an ICMP message in it (RFC 791).
func ipv4Packet(from, to [4]byte, message []byte) []byte {
	p := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_ICMP, 0, 0}
	p = append(append(p, from[:]...), to[:]...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)+len(message)))
	binary.BigEndian.PutUint16(p[10:], checksum(p))
	return append(p, message...)
}

// wireguard makes an interface and no tunnel, for which it would take two.
func wireguard(context.Context) (answer, error) {
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	const call, name = "RTM_NEWLINK(wireguard)", "netstrip0"
	return answer{call: call, detail: "made, set up and deleted"}, apart(func() error {
		link := &netlink.Wireguard{LinkAttrs: netlink.LinkAttrs{Name: name}}
		// EOPNOTSUPP: "Unknown device type" (net/core/rtnetlink.c:3857).
		if err := try(call, netlink.LinkAdd(link), unix.EOPNOTSUPP); err != nil {
			return err
		}
		got, err := netlink.LinkByName(name)
		if err == nil && got.Type() != "wireguard" {
			err = wrong(call, "it is of type %s", got.Type())
		}
		if err == nil {
			err = netlink.LinkSetUp(got)
		}
		return errors.Join(try(call, err), try("RTM_DELLINK(wireguard)", netlink.LinkDel(link)))
	})
}

// clockClass looks for the class of the clocks, since there is no card that has one.
func clockClass(context.Context) (answer, error) {
	_, err := os.Stat("/sys/class/ptp")
	return answer{call: "/sys/class/ptp"}, absentFile("/sys/class", "/sys/class/ptp", err)
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

// networkDisk serves a disk of 16 blocks through one end of a connection, and reads one
// of them through the kernel.
func networkDisk(context.Context) (answer, error) {
	_, _ = netlink.GenlFamilyGet("nbd") // for which the kernel loads it where it is a module
	disk, err := openDevice("/dev/nbd0", unix.S_IFBLK, nbdMajor, 0)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(disk)
	p, err := anyStream()
	if err != nil {
		return answer{}, err
	}
	for _, c := range [][2]uintptr{{nbdSetBlocks, 16}, {nbdSetSock, uintptr(p.a)}} {
		if _, err := syscallOf(unix.SYS_IOCTL, uintptr(disk), c[0], c[1]); err != nil {
			p.close()
			return answer{}, try("ioctl(NBD_SET_SOCK)", err)
		}
	}
	served, done := make(chan error, 1), make(chan error, 1)
	go func() { served <- nbdServer(descriptor(p.b)) }()
	go func() {
		_, err := syscallOf(unix.SYS_IOCTL, uintptr(disk), nbdDoIt)
		done <- err
	}()
	err = readBlock(disk)
	syscallOf(unix.SYS_IOCTL, uintptr(disk), nbdDisconnect)
	unix.Shutdown(p.b, unix.SHUT_WR) // by which the kernel's side ends
	<-done
	unix.Shutdown(p.a, unix.SHUT_RDWR)
	serr := <-served
	syscallOf(unix.SYS_IOCTL, uintptr(disk), nbdClearSock)
	p.close()
	return answer{call: "/dev/nbd0", detail: "a block was served and read"}, errors.Join(err, serr)
}

// anyStream is a connection of whichever family this kernel has.
func anyStream() (pair, error) {
	p, err := socketpair(unix.SOCK_STREAM)
	if err != nil {
		if p, terr := connected(unix.AF_INET, unix.SOCK_STREAM, loopback(unix.AF_INET)); terr == nil {
			return p, nil
		}
	}
	return p, err
}

// readBlock reads the second of the disk's blocks. Until it is served it has none.
func readBlock(disk int) error {
	buf := make([]byte, nbdBlock)
	for range patience * 1000 {
		n, err := again(func() (int, error) { return unix.Pread(disk, buf, nbdBlock) })
		if err == nil && n == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		if err == nil && !bytes.Equal(buf[:n], pattern(nbdBlock)) {
			err = wrong("read(nbd)", "%d bytes that are not those served", n)
		}
		return try("read(nbd)", err)
	}
	return wrong("read(nbd)", "the disk stays empty")
}

// nbdServer serves pattern as every block, until it is told to end.
func nbdServer(conn descriptor) error {
	be := binary.BigEndian
	for {
		request := make([]byte, 28) // magic, what to do, number, offset, length
		if _, err := io.ReadFull(conn, request); err != nil {
			return try("read", err)
		}
		if be.Uint32(request[4:]) != nbdRead {
			return nil // NBD_CMD_DISC; nothing else is asked of a disk that is only read
		}
		reply := be.AppendUint32(nil, nbdReply)
		reply = append(be.AppendUint32(reply, 0), request[8:16]...)
		for range be.Uint32(request[24:]) / nbdBlock {
			reply = append(reply, pattern(nbdBlock)...)
		}
		if _, err := conn.Write(reply); err != nil {
			return try("write", err)
		}
	}
}

// descriptor reads and writes as an os.File does, without the runtime's poller.
type descriptor int

func (d descriptor) Read(p []byte) (int, error) {
	n, err := again(func() (int, error) { return unix.Read(int(d), p) })
	if err == nil && n == 0 {
		err = io.EOF
	}
	return max(n, 0), err
}

func (d descriptor) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n, err := again(func() (int, error) { return unix.Write(int(d), p[done:]) })
		if err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}
