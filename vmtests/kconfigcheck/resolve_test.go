package kconfigcheck_test

import (
	"strings"
	"testing"

	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSymptoms resolves symptoms as users see them.
func TestSymptoms(t *testing.T) {
	for arg, want := range map[string]string{
		"NET": "NET", "NR_CPUS=64": "NR_CPUS=64",
		"netns/file": "NET_NS", "socket/unix/stream": "UNIX", "netns/veth": "NET_NS VETH", "kernel/mqueue": "POSIX_MQUEUE",
		"/proc/self/ns/net": "NET_NS", "/proc/1234/ns/net": "NET_NS", "/dev/net/tun": "TUN", "/proc/net/tcp": "INET",
		"/sys/class/net": "NET", "/sys/class/net/lo/ifindex": "NET", "/proc/net/if_inet6": "IPV6", "/proc/net/dev": "NET",
		"/sys/fs/cgroup/memory": "CGROUPS", "/proc/sys/net/ipv4/ip_forward": "INET PROC_SYSCTL",
		"socket: Function not implemented":                                                              "NET",
		"socket: ENOSYS":                                                                                "NET",
		"socket() failed: Function not implemented (38)":                                                "NET",
		"nginx: socket() failed (38: Function not implemented)":                                         "NET",
		"socket(AF_UNIX, SOCK_STREAM, 0) = -1 ENOSYS (Function not implemented)":                        "NET",
		"socket(AF_UNIX): Address family not supported by protocol":                                     "UNIX",
		"socket(AF_INET): EAFNOSUPPORT":                                                                 "INET",
		"socket(PF_PACKET, SOCK_DGRAM): EAFNOSUPPORT":                                                   "PACKET",
		"socket(AF_INET6): Address family not supported by protocol (97)":                               "IPV6",
		"socketpair: Function not implemented":                                                          "NET",
		"unshare(CLONE_NEWNET): Invalid argument":                                                       "NET_NS",
		"unshare: Invalid argument":                                                                     "NET_NS",
		"mq_open: Function not implemented":                                                             "POSIX_MQUEUE",
		"inotify_init1: Function not implemented":                                                       "INOTIFY_USER",
		"open /dev/net/tun: no such device":                                                             "TUN",
		"socket(AF_PACKET, SOCK_RAW, 768) = -1 EAFNOSUPPORT (Address family not supported by protocol)": "PACKET",
		"socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = -1 EAFNOSUPPORT":                     "IPV6",
		"socket(AF_XDP, SOCK_RAW, 0) = -1 EAFNOSUPPORT":                                                 "XDP_SOCKETS",
		"socket(AF_CAN, SOCK_RAW, 1) = -1 ENOSYS":                                                       "NET",
		"AF_ALG": "CRYPTO_USER_API",
		"AF_KCM": "AF_KCM",
		"listen tcp 127.0.0.1:80: socket: address family not supported by protocol": "INET",
		"dial tcp [::1]:80: socket: address family not supported by protocol":       "IPV6",
		"bind to [::]:22: Address family not supported by protocol":                 "IPV6",
		"socketpair: Address family not supported by protocol":                      "UNIX",
		"python: socket: OSError: [Errno 38]":                                       "NET",
		"socket/unix":                                                               "UNIX",
		"cat: /proc/net/dev: No such file or directory":                             "NET",
		"ls: cannot access '/sys/class/net': No such file or directory":             "NET",
	} {
		names, _, err := kconfigcheck.Resolve([]string{arg}, expect.Expected)
		if assert.NoError(t, err, arg) {
			assert.Equal(t, want, strings.Join(names, " "), arg)
		}
	}
	_, found, err := kconfigcheck.Resolve([]string{"netlink socket: Protocol not supported"}, expect.Expected)
	require.NoError(t, err)
	assert.True(t, found[0].Any, "no probe needs all of %v", found[0].Symbols)

	for arg, want := range map[string]string{
		"netns/fiel":                           `"netns/fiel": unknown symbol, probe, path or failed call; did you mean netns/file?`,
		"socket: Operation not permitted":      "unknown symbol, probe, path or failed call",
		"nosuch/family":                        "unknown symbol, probe, path or failed call",
		"/etc/passwd":                          "unknown symbol, probe, path or failed call",
		"/proc/no-such-file":                   "unknown symbol, probe, path or failed call",
		"frobnicate: Function not implemented": "unknown symbol, probe, path or failed call",
	} {
		_, _, err := kconfigcheck.Resolve([]string{arg}, expect.Expected)
		assert.ErrorContains(t, err, want, arg)
	}
}

// TestMissingFamilies resolves errors that do not name the missing family to all that it may be.
func TestMissingFamilies(t *testing.T) {
	for _, arg := range []string{
		"socket: Address family not supported by protocol (97)", "Address family not supported by protocol",
		"python: OSError: [Errno 97]", "std::io: (os error 97)", "EAFNOSUPPORT",
	} {
		names, found, err := kconfigcheck.Resolve([]string{arg}, expect.Expected)
		require.NoError(t, err, arg)
		assert.Subset(t, names, []string{"UNIX", "INET", "IPV6", "PACKET"}, arg)
		for _, wrong := range []string{"NET", "VETH", "DUMMY", "VIRTIO_NET"} {
			assert.NotContains(t, names, wrong, "it provides no family: %s", arg)
		}
		assert.True(t, found[0].Any, arg)
	}
}
