//go:build linux

package kernel

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

func ueventSeqnum() (uint64, error) {
	text, err := probes.ReadFile("/sys/kernel", "uevent_seqnum")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	return n, probes.Try("/sys/kernel/uevent_seqnum", err)
}

// countUevents causes a uevent. The kernel counts it before it sends it
// (lib/kobject_uevent.c:604), so it does without CONFIG_NET too.
func countUevents(context.Context) (probes.Answer, error) {
	before, err := ueventSeqnum()
	if err != nil {
		return probes.Answer{}, err
	}
	if err := os.WriteFile(probes.NullUevent, []byte("change"), 0); err != nil {
		return probes.Answer{}, probes.Try(probes.NullUevent, err)
	}
	after, err := ueventSeqnum()
	if err == nil && after <= before {
		err = probes.Wrong("/sys/kernel/uevent_seqnum", "it stayed at %d", after)
	}
	return probes.Answer{Call: "/sys/kernel/uevent_seqnum", Detail: "a uevent was counted"}, err
}

// netlinkMessage returns one message to the kernel.
func netlinkMessage(kind uint16, payload []byte) []byte {
	m := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(payload)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, unix.NLM_F_REQUEST)
	m = append(m, make([]byte, 8)...) // sequence number and sender: 0
	return append(m, payload...)
}

// tell sends a message to the kernel over a netlink socket.
func tell(fd int, kind uint16, payload []byte) error {
	return probes.Try("sendto", unix.Sendto(fd, netlinkMessage(kind, payload), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
}

// hear reads from a netlink socket until f accepts a message.
func hear(fd int, f func(syscall.NetlinkMessage) bool) error {
	var failed error
	err := sock.Await(fd, func(data []byte, _ unix.Sockaddr) bool {
		all, err := syscall.ParseNetlinkMessage(data)
		failed = probes.Try("read", err)
		for _, m := range all {
			if m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4 {
				failed = probes.Try("read", syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data))))
			}
			if failed != nil || f(m) {
				return true
			}
		}
		return failed != nil
	})
	return cmp.Or(failed, err)
}

// auditStatus asks for the status with AUDIT_GET.
func auditStatus(fd int) (probes.Answer, error) {
	if err := tell(fd, unix.AUDIT_GET, nil); err != nil {
		return probes.Answer{}, err
	}
	return probes.Answer{Call: "AUDIT_GET", Detail: "the kernel sent the status"}, hear(fd, func(m syscall.NetlinkMessage) bool {
		return m.Header.Type == unix.AUDIT_GET && len(m.Data) >= 40 // struct audit_status of 3.13
	})
}

// taskStatistics asks for those of its own process. Generic netlink always exists with NET, and
// returns ENOENT for an unknown family (net/netlink/genetlink.c:1457).
func taskStatistics(context.Context) (probes.Answer, error) {
	const lookup, call = "CTRL_CMD_GETFAMILY(TASKSTATS)", "TASKSTATS_CMD_GET"
	family, err := netlink.GenlFamilyGet(unix.TASKSTATS_GENL_NAME)
	if err != nil {
		return probes.Answer{}, probes.Try(lookup, err, unix.ENOENT)
	}
	request := nl.NewNetlinkRequest(int(family.ID), 0)
	request.AddData(&nl.Genlmsg{Command: unix.TASKSTATS_CMD_GET, Version: unix.TASKSTATS_GENL_VERSION})
	request.AddData(nl.NewRtAttr(unix.TASKSTATS_CMD_ATTR_PID, nl.Uint32Attr(uint32(os.Getpid()))))
	replies, err := request.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return probes.Answer{}, probes.Try(call, err)
	}
	exe, err := os.ReadFile("/proc/self/comm") // part of the statistics (ac_comm)
	if err == nil && (len(replies) != 1 || !bytes.Contains(replies[0], bytes.TrimSpace(exe))) {
		err = fmt.Errorf("%d replies, none of them about %s", len(replies), bytes.TrimSpace(exe))
	}
	return probes.Answer{Call: call, Detail: "the statistics are this process's"}, probes.Try(call, err)
}

// Numbers of the proc connector (include/uapi/linux/connector.h:17, cn_proc.h:30, 69).
const (
	cnProc     = 1
	cnListen   = 1
	cnIgnore   = 2
	procComm   = 0x200
	cnHeader   = 20
	procHeader = 16
)

// processEvents listens while its own thread changes its name.
func processEvents(fd int) (probes.Answer, error) {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnProc}); err != nil {
		return probes.Answer{}, probes.Try("bind(NETLINK_CONNECTOR)", err)
	}
	control := func(op uint32) error {
		m := binary.NativeEndian.AppendUint32(nil, cnProc)
		m = binary.NativeEndian.AppendUint32(m, cnProc)
		m = append(m, make([]byte, 8)...)
		m = binary.NativeEndian.AppendUint16(m, 4)
		m = append(m, 0, 0)
		return tell(fd, unix.NLMSG_DONE, binary.NativeEndian.AppendUint32(m, op))
	}
	if err := control(cnListen); err != nil {
		return probes.Answer{}, err
	}
	const name = "netstrip-probe\x00\x00"
	thread := 0
	err := netdev.OnThread(func() error {
		thread = unix.Gettid()
		_, err := probes.Syscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(unsafe.StringData(name))))
		return probes.Try("prctl(PR_SET_NAME)", err)
	})
	if err == nil {
		err = hear(fd, func(m syscall.NetlinkMessage) bool { return isRenamed(m.Data, thread, name) })
	}
	return probes.Answer{Call: "PROC_EVENT_COMM", Detail: "the new name of a thread was reported"}, errors.Join(err, control(cnIgnore))
}

// isRenamed reports whether a message of the connector says that thread has a new name.
func isRenamed(data []byte, thread int, name string) bool {
	if len(data) < cnHeader+procHeader+8+len(name) {
		return false
	}
	event := data[cnHeader:]
	return binary.NativeEndian.Uint32(event) == procComm &&
		binary.NativeEndian.Uint32(event[procHeader:]) == uint32(thread) &&
		string(event[procHeader+8:procHeader+8+len(name)]) == name
}
