//go:build linux

package kmod

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// lists are depmod's lists of a few modules.
var lists = map[string]string{
	"modules.dep": `kernel/net/ipv6/ipv6.ko:
kernel/net/packet/af_packet.ko:
kernel/net/sctp/sctp.ko: kernel/net/ipv4/udp_tunnel.ko kernel/net/ipv6/ip6_udp_tunnel.ko kernel/net/ipv6/ipv6.ko
kernel/net/ipv4/udp_tunnel.ko:
kernel/net/ipv6/ip6_udp_tunnel.ko: kernel/net/ipv6/ipv6.ko
kernel/arch/x86/crypto/twofish-x86_64-3way.ko:
kernel/a/loop-a.ko: kernel/a/loop-b.ko
kernel/a/loop-b.ko: kernel/a/loop-a.ko
kernel/a/orphan.ko: kernel/a/gone.ko
`,
	"modules.softdep": "# Soft dependencies\nsoftdep sctp pre: crypto-twofish none-such post: af_packet\nsoftdep af_packet post: ipv6\n",
	"modules.alias": `# Aliases extracted from modules themselves.
alias rtnl-link-veth veth
alias virtio:d00000001v* virtio_net
alias net-pf-40 vsock
alias net_pf_40 vsock_other
alias crypto-twofish twofish_x86_64_3way
`,
}

// fakeLoader returns a loader that records what it would load, and fails for the given modules.
func fakeLoader(t *testing.T, fails map[string]error) (l *loader, loaded *[]string, failed map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range lists {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	l, err := openDir(dir)
	require.NoError(t, err)
	loaded, failed = &[]string{}, map[string]string{}
	l.insert = func(file string) error {
		*loaded = append(*loaded, nameOf(file))
		return fails[nameOf(file)]
	}
	l.fail = func(module, why string) { failed[module] = why }
	return l, loaded, failed
}

func TestLoad(t *testing.T) {
	for name, want := range map[string]string{
		"af_packet":           "af_packet",
		"af-packet":           "af_packet",
		"sctp":                "twofish_x86_64_3way ipv6 ip6_udp_tunnel udp_tunnel sctp",
		"crypto-twofish":      "twofish_x86_64_3way",
		"twofish_x86_64_3way": "twofish_x86_64_3way",
		"loop_a":              "loop_b loop_a",
	} {
		l, loaded, failed := fakeLoader(t, nil)
		require.NoError(t, l.load(name), name)
		assert.Equal(t, want, strings.Join(*loaded, " "), name)
		assert.Empty(t, failed)
	}
	l, loaded, failed := fakeLoader(t, nil)
	assert.EqualError(t, l.load("net-pf-17"), "no such module: net-pf-17")
	assert.Empty(t, *loaded)
	assert.Empty(t, failed, "it concerns no module")
}

// A failure is kept for the module, and for those that need it.
func TestLoadFails(t *testing.T) {
	l, loaded, failed := fakeLoader(t, map[string]error{"ipv6": errors.New("finit_module: EKEYREJECTED")})
	assert.EqualError(t, l.load("sctp"), "loading sctp: it needs ipv6: finit_module: EKEYREJECTED")
	assert.EqualError(t, l.load("ip6_udp_tunnel"), "loading ip6_udp_tunnel: it needs ipv6: finit_module: EKEYREJECTED")
	assert.Equal(t, []string{"twofish_x86_64_3way", "ipv6"}, *loaded, "each is tried once")
	assert.Equal(t, map[string]string{
		"ipv6": "finit_module: EKEYREJECTED", "sctp": "it needs ipv6: finit_module: EKEYREJECTED",
		"ip6_udp_tunnel": "it needs ipv6: finit_module: EKEYREJECTED",
	}, failed)

	l, _, failed = fakeLoader(t, nil)
	require.Error(t, l.load("orphan"))
	assert.Equal(t, "it needs gone: the guest does not have it", failed["orphan"])
}

// The host's kernel refuses a file that is not a module, and any file from a plain user.
func TestInsertFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.ko")
	require.NoError(t, os.WriteFile(file, []byte("no module"), 0o644))
	assert.ErrorContains(t, insert(file), "finit_module: E")
	assert.ErrorIs(t, insert(file+"x"), os.ErrNotExist)
}

func TestOpenDir(t *testing.T) {
	_, err := openDir(t.TempDir())
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestAliased(t *testing.T) {
	l, _, _ := fakeLoader(t, nil)
	assert.Equal(t, []string{"veth"}, l.aliased("rtnl-link-veth"))
	assert.Equal(t, []string{"virtio_net"}, l.aliased("virtio:d00000001v00001AF4"))
	assert.Equal(t, []string{"vsock", "vsock_other"}, l.aliased("net-pf-40"), "- and _ are the same")
	assert.Nil(t, l.aliased("pci:v00008086d00001237"))
}

func TestIsModprobe(t *testing.T) {
	for line, want := range map[string]bool{
		"/sbin/modprobe -q -- net-pf-17":     true,
		"/usr/bin/loader -q -- net-pf-17":    true,
		"/bin/uinit":                         false,
		"/proc/self/exe run socket/tcp4":     false,
		"/proc/self/exe sandbox -- /bin/cat": false,
	} {
		assert.Equal(t, want, IsModprobe(strings.Fields(line)), line)
	}
}

func TestSetPath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "modprobe")
	require.NoError(t, setPath(file))
	assert.NoFileExists(t, file)
	for was, want := range map[string]string{"/usr/bin/loader\n": "/sbin/modprobe", "\n": "\n"} {
		require.NoError(t, os.WriteFile(file, []byte(was), 0o644))
		require.NoError(t, setPath(file))
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

func TestNews(t *testing.T) {
	var w Watch
	const first = "virtio_net 98304 0 - Live 0xffffffffc0000000\n"
	assert.Equal(t, map[string]string{"virtio_net": ""}, w.news([]byte(first), nil))
	assert.Empty(t, w.news([]byte(first), nil), "it was told before")
	// Without CONFIG_MODULE_UNLOAD nothing counts references.
	const second = first + "ipv6 700416 - - Live 0x0 (E)\nlate 1 0 - Loading 0x0\n"
	failed := `{"Module":"af_packet","Why":"finit_module: ENOEXEC"}` + "\n{broken\n"
	assert.Equal(t, map[string]string{"af_packet": "finit_module: ENOEXEC", "ipv6": ""}, w.news([]byte(second), []byte(failed)))
	assert.Equal(t, map[string]string{"af_packet": ""}, w.news([]byte("af_packet 1 0 - Live 0x0\n"), []byte(failed)), "it was loaded later")
}

func TestNode(t *testing.T) {
	path, mode, number, ok := node("tun net/tun c10:200\n")
	require.True(t, ok)
	assert.Equal(t, "net/tun", path)
	assert.Equal(t, uint32(unix.S_IFCHR), mode)
	assert.Equal(t, unix.Mkdev(10, 200), number)
	_, mode, _, ok = node("loop loop-control b7:0")
	assert.True(t, ok)
	assert.Equal(t, uint32(unix.S_IFBLK), mode)
	for _, line := range []string{"# Device nodes to trigger on-demand module loading.", "a ../b c1:2", "a b x1:2", "a b c1", ""} {
		_, _, _, ok := node(line)
		assert.False(t, ok, line)
	}
}
