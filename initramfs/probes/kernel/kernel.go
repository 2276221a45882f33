//go:build linux

// Package kernel asks for the parts of the kernel around the network: those that need it, and
// those that programs use instead. It runs in the guest, and in tests on the host.
package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// Probes returns the family.
func Probes() []probes.Probe {
	return slices.Concat([]probes.Probe{
		{ID: "kernel/pipe", Ask: throughPipe},
		{ID: "kernel/futex", Ask: wakeFutex},
		{ID: "kernel/sysv/msg", Ask: sysvMessage},
		{ID: "kernel/sysv/sem", Ask: sysvSemaphore},
		{ID: "kernel/sysv/shm", Ask: sysvMemory},
		{ID: "kernel/mqueue", Ask: posixQueue},
		{ID: "kernel/epoll", Ask: epollPipe},
		{ID: "kernel/eventfd", Ask: eventCounter},
		{ID: "kernel/signalfd", Ask: readSignal},
		{ID: "kernel/timerfd", Ask: readTimer},
		{ID: "kernel/inotify", Ask: probes.InDir(watchDirectory)},
		{ID: "kernel/memfd", Ask: sealedMemory},
		{ID: "kernel/userfaultfd", Ask: fillPage},
		{ID: "kernel/seccomp/strict", Ask: seccompStrict},
		{ID: "kernel/seccomp/filter", Ask: seccompFilter},
		{ID: "kernel/landlock/files", Ask: probes.InDir(landlockFiles)},
		{ID: "kernel/landlock/ports", Ask: landlockPorts},
		{ID: "kernel/lsm", Ask: securityModules},
		{ID: "kernel/uevent-seqnum", Ask: countUevents},
		{ID: "kernel/audit", Ask: sock.With(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT, auditStatus)},
		{ID: "kernel/taskstats", Ask: probes.Ask(taskStatistics).After(sock.Route)},
		{ID: "kernel/proc-connector", Ask: sock.With(unix.AF_NETLINK, unix.SOCK_DGRAM, unix.NETLINK_CONNECTOR, processEvents)},
		{ID: "kernel/af-alg", Ask: sock.With(unix.AF_ALG, unix.SOCK_SEQPACKET, 0, hashSocket)},
		{ID: "kernel/vsock", Ask: vsockStream},
		{ID: "kernel/fuse", Ask: serveFuse},
		{ID: "kernel/9p", Ask: serve9P},
		{ID: "kernel/cgroup2", Ask: enterGroup},
		{ID: "kernel/net-cls", Ask: markGroup},
		{ID: "kernel/psi", Ask: pressure},
		{ID: "kernel/tun", Ask: pingTUN},
		{ID: "kernel/wireguard", Ask: probes.Ask(wireguard).After(sock.Route)},
		{ID: "kernel/nbd", Ask: networkDisk},
		{ID: "kernel/ptp", Ask: clockClass},
	}, uringOps(), bpfTypes())
}
