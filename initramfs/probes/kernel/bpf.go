//go:build linux

package kernel

import (
	"context"
	"encoding/binary"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// bpfProgram is a type of BPF program.
type bpfProgram struct {
	name         string
	kind, attach uint32
	flags        uint32
}

// bpfTypes returns the probes of bpf(2), one for each type of program. Without CONFIG_NET the
// types outside its #ifdef in include/linux/bpf_types.h remain.
func bpfTypes() []probes.Probe {
	all := []probes.Probe{{ID: "kernel/bpf/map", Ask: bpfMap}}
	for _, p := range []bpfProgram{
		{name: "SOCKET_FILTER", kind: unix.BPF_PROG_TYPE_SOCKET_FILTER},
		{name: "SCHED_CLS", kind: unix.BPF_PROG_TYPE_SCHED_CLS},
		{name: "XDP", kind: unix.BPF_PROG_TYPE_XDP},
		{name: "CGROUP_SKB", kind: unix.BPF_PROG_TYPE_CGROUP_SKB},
		{name: "CGROUP_SOCK", kind: unix.BPF_PROG_TYPE_CGROUP_SOCK, attach: unix.BPF_CGROUP_INET_SOCK_CREATE},
		{name: "CGROUP_SOCK_ADDR", kind: unix.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: unix.BPF_CGROUP_INET4_BIND},
		{name: "CGROUP_DEVICE", kind: unix.BPF_PROG_TYPE_CGROUP_DEVICE},
		{name: "CGROUP_SYSCTL", kind: unix.BPF_PROG_TYPE_CGROUP_SYSCTL, attach: unix.BPF_CGROUP_SYSCTL},
		{name: "CGROUP_SOCKOPT", kind: unix.BPF_PROG_TYPE_CGROUP_SOCKOPT, attach: unix.BPF_CGROUP_SETSOCKOPT},
		{name: "LWT_XMIT", kind: unix.BPF_PROG_TYPE_LWT_XMIT},
		{name: "SOCK_OPS", kind: unix.BPF_PROG_TYPE_SOCK_OPS},
		{name: "SK_SKB", kind: unix.BPF_PROG_TYPE_SK_SKB},
		{name: "SK_MSG", kind: unix.BPF_PROG_TYPE_SK_MSG},
		{name: "SK_REUSEPORT", kind: unix.BPF_PROG_TYPE_SK_REUSEPORT, attach: unix.BPF_SK_REUSEPORT_SELECT},
		{name: "SK_LOOKUP", kind: unix.BPF_PROG_TYPE_SK_LOOKUP, attach: unix.BPF_SK_LOOKUP},
		{name: "FLOW_DISSECTOR", kind: unix.BPF_PROG_TYPE_FLOW_DISSECTOR, attach: unix.BPF_FLOW_DISSECTOR},
		{name: "SYSCALL", kind: unix.BPF_PROG_TYPE_SYSCALL, flags: unix.BPF_F_SLEEPABLE},
	} {
		all = append(all, probes.Probe{ID: "kernel/bpf/" + strings.ReplaceAll(strings.ToLower(p.name), "_", "-"), Ask: p.load})
	}
	return all
}

// bpf is bpf(2) with attributes made of fields of 4 or 8 bytes.
func bpf(command uintptr, fields ...any) (int, error) {
	attr := make([]byte, 0, 128)
	for _, f := range fields {
		var err error
		if attr, err = binary.Append(attr, binary.NativeEndian, f); err != nil {
			return -1, err
		}
	}
	for {
		n, err := probes.Syscall(unix.SYS_BPF, command, uintptr(unsafe.Pointer(unsafe.SliceData(attr))), uintptr(len(attr)))
		if err != unix.EAGAIN { // a signal, such as Go sends itself, stops the verifier (kernel/bpf/verifier.c:19022)
			return n, err
		}
	}
}

// load loads two instructions that every type allows: r0 = 1 and exit. A type that is not in the
// kernel returns EINVAL (kernel/bpf/syscall.c:2233).
func (p bpfProgram) load(context.Context) (probes.Answer, error) {
	call := "bpf(BPF_PROG_LOAD, BPF_PROG_TYPE_" + p.name + ")"
	program := []uint64{0x1_0000_00b7, 0x95}
	license := []byte("BSD\x00")
	fd, err := bpf(unix.BPF_PROG_LOAD, p.kind, uint32(len(program)),
		uint64(uintptr(unsafe.Pointer(unsafe.SliceData(program)))),
		uint64(uintptr(unsafe.Pointer(unsafe.SliceData(license)))),
		uint32(0), uint32(0), uint64(0), // no log
		uint32(0), p.flags, [16]byte{}, uint32(0), // for any kernel, without a name, on no device
		p.attach)
	runtime.KeepAlive(program)
	runtime.KeepAlive(license)
	if err != nil {
		return probes.Answer{}, probes.Try(call, err, unix.ENOSYS, unix.EINVAL)
	}
	unix.Close(fd)
	return probes.Answer{Call: call, Detail: "two instructions were verified and loaded"}, nil
}

func bpfMap(context.Context) (probes.Answer, error) {
	const call = "bpf(BPF_MAP_CREATE)"
	fd, err := bpf(unix.BPF_MAP_CREATE, uint32(unix.BPF_MAP_TYPE_HASH), uint32(8), uint32(8), uint32(4))
	if err != nil {
		return probes.Answer{}, probes.Try(call, err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	key, in, out := new(uint64), new(uint64), new(uint64)
	*key, *in = 7, 42
	at := func(p *uint64) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }
	if _, err := bpf(unix.BPF_MAP_UPDATE_ELEM, uint64(fd), at(key), at(in), uint64(0)); err != nil {
		return probes.Answer{}, probes.Try("bpf(BPF_MAP_UPDATE_ELEM)", err)
	}
	_, err = bpf(unix.BPF_MAP_LOOKUP_ELEM, uint64(fd), at(key), at(out))
	if err == nil && *out != *in {
		err = probes.Wrong("bpf(BPF_MAP_LOOKUP_ELEM)", "42 was stored, and %d returned", *out)
	}
	return probes.Answer{Call: call, Detail: "the map returned what was stored"}, probes.Try("bpf(BPF_MAP_LOOKUP_ELEM)", err)
}
