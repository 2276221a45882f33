package explain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// ways are the lines to add to full so that a symbol has a value.
var ways = map[string]string{
	"NET_SCHED=y":        "add CONFIG_NET_SCHED=y",
	"NET_ACT_MIRRED=y":   "add CONFIG_NET_SCHED=y, CONFIG_NET_CLS_ACT=y, CONFIG_NET_ACT_MIRRED=y",
	"UBSAN_BOUNDS=y":     "add CONFIG_UBSAN=y, CONFIG_UBSAN_BOUNDS=y",
	"NFS_FS=y":           "add CONFIG_NETWORK_FILESYSTEMS=y, CONFIG_NFS_FS=y",
	"BTRFS_FS=y":         "add CONFIG_BLOCK=y, CONFIG_BTRFS_FS=y",
	"BRIDGE_NETFILTER=y": "add CONFIG_BRIDGE=y, CONFIG_NETFILTER=y, CONFIG_NETFILTER_ADVANCED=y, CONFIG_BRIDGE_NETFILTER=y",
	// One of several alternatives is enough.
	"NFT_NAT=y": "add CONFIG_NETFILTER=y, CONFIG_NF_TABLES=y, CONFIG_NF_CONNTRACK=y, CONFIG_NF_TABLES_IPV4=y, CONFIG_NFT_NAT=y",
	// A member of a choice replaces another.
	"PREEMPT_RT=y": "add CONFIG_PREEMPT_RT=y",
	// A symbol without a prompt must be selected, here by a member of a choice.
	"DEBUG_INFO=y":  "add CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y",
	"NR_CPUS=64":    "add CONFIG_SMP=y",
	"NET_NS=y":      "",
	"UNIX=n":        `it is impossible while unix.config:3 asks for UNIX=y; else add "# CONFIG_UNIX is not set"`,
	"FAILOVER=n":    `it is impossible while nic.config:6 asks for VIRTIO_NET=y; else add "# CONFIG_VIRTIO_NET is not set"`,
	"MODULES=y":     "it is impossible while base.config:55 asks for MODULES=n; else add CONFIG_MODULES=y",
	"DUMMY=m":       "ask for y: there are no modules here, as base.config:55 asks",
	"NETFILTER=m":   "add CONFIG_NETFILTER=y, and ask for y: NETFILTER cannot be a module",
	"CFI_CLANG=y":   "never",
	"GCC_PLUGINS=y": "never",
	"ARM64=y":       "never",
	"64BIT=n":       "never",
}

func goal(ask string) kconfigs.Setting {
	name, value, _ := strings.Cut(ask, "=")
	return kconfigs.Setting{Symbol: name, Value: value}
}

func world(t *testing.T, profile string) *explain.ConfigState {
	t.Helper()
	b, k := kbuildtest.Open(t, "6.12")
	p, err := kconfigs.Lookup(profile)
	require.NoError(t, err)
	req, err := p.Request()
	require.NoError(t, err)
	w, err := b.ConfigState(t.Context(), k, req)
	require.NoError(t, err)
	return w
}

// TestOnFull seeks ways on the profile full.
func TestOnFull(t *testing.T) {
	w := world(t, "full")
	t.Run("ways", func(t *testing.T) { testWays(t, w) })
	t.Run("several", func(t *testing.T) { testWayOfSeveral(t, w) })
	t.Run("many", func(t *testing.T) { testWaysOfMany(t, w) })
	t.Run("tools", func(t *testing.T) { testToolsAreNamed(t, w) })
}

// testWays checks each list of lines with Kconfig: the symbol has its value with all of them, and
// does not without any one of them.
func testWays(t *testing.T, w *explain.ConfigState) {
	for ask, want := range ways {
		g := goal(ask)
		way, err := w.Way(g)
		require.NoError(t, err, ask)
		if way.Never {
			assert.Equal(t, want, "never", ask)
			continue
		}
		assert.Equal(t, want, way.String(), ask)
		checkWay(t, w, g, way)
	}
}

func checkWay(t *testing.T, w *explain.ConfigState, g kconfigs.Setting, way explain.Way) {
	t.Helper()
	f, err := kconfigs.ParseFragment("way", []byte(strings.Join(way.Add, "\n")))
	require.NoError(t, err, way.Add)
	if way.Note != "" {
		g.Value = "y"
	}
	got := func(lines []kconfigs.Setting) string {
		values, err := w.Kernel.Settle(lines)
		require.NoError(t, err)
		return values[g.Symbol].Value
	}
	assert.Equal(t, g.Value, got(f.Settings), "%s with %q", g.Symbol, way.Add)
	for i, left := range way.Add {
		fewer := append(append([]kconfigs.Setting{}, f.Settings[:i]...), f.Settings[i+1:]...)
		assert.NotEqual(t, g.Value, got(fewer), "%s without %s", g.Symbol, left)
	}
}

// testWaysOfMany tries symbols from all over the tree: if the estimate promises a way, there is
// one, and Kconfig confirms it.
func testWaysOfMany(t *testing.T, w *explain.ConfigState) {
	var off []string
	for _, name := range w.Names() {
		if w.Values[name].Value == "n" {
			off = append(off, name)
		}
	}
	require.Greater(t, len(off), 5000)
	found, never, lost := 0, 0, 0
	for i := 0; i < len(off); i += len(off) / 8 {
		g := kconfigs.Setting{Symbol: off[i], Value: "y"}
		way, err := w.Way(g)
		switch {
		case err != nil:
			lost++
			t.Logf("%s: %v", g.Symbol, err)
		case way.Never:
			never++
		default:
			found++
			checkWay(t, w, g, way)
		}
	}
	t.Logf("of %d symbols %d have a way, %d none, %d were given up", found+never+lost, found, never, lost)
	assert.Greater(t, found, never)
	assert.LessOrEqual(t, lost, 1)
}

func testWayOfSeveral(t *testing.T, w *explain.ConfigState) {
	way, err := w.Way(goal("NET_ACT_MIRRED=y"), goal("UBSAN_TRAP=y"), goal("NET_CLS_ACT=y"))
	require.NoError(t, err)
	assert.Equal(t, "add CONFIG_NET_SCHED=y, CONFIG_NET_CLS_ACT=y, CONFIG_NET_ACT_MIRRED=y, CONFIG_UBSAN=y, CONFIG_UBSAN_TRAP=y", way.String())
}

// testToolsAreNamed checks that the reason names a tool of this machine that decided, with its
// version and the place.
func testToolsAreNamed(t *testing.T, w *explain.ConfigState) {
	gcc := w.Values["GCC_VERSION"].Value
	require.Len(t, gcc, 6)
	version := strings.TrimLeft(gcc[:2], "0") + "." + strings.TrimLeft(gcc[2:4], "0") + "." + "0"
	for name, want := range map[string]string{
		"CFI_CLANG":      "arch/Kconfig:827 tests $(cc-option,-fsanitize=kcfi): this gcc " + version + " fails it",
		"KMSAN":          "CC_IS_CLANG: the compiler is gcc " + version + ", not clang",
		"LTO_CLANG_FULL": "arch/Kconfig:753 asks for CC_IS_CLANG: the compiler is gcc " + version + ", not clang",
		"CC_HAS_KASAN_SW_TAGS": "lib/Kconfig.kasan:26 tests $(cc-option, -fsanitize=kernel-hwaddress): this gcc " +
			version + " fails it",
		"RANDSTRUCT_FULL": "CC_HAS_RANDSTRUCT: security/Kconfig.hardening:306 tests $(cc-option,-frandomize-layout-seed-file=/dev/null): this gcc " +
			version + " fails it",
	} {
		assert.Contains(t, w.Refused(name, "y"), want, name)
	}
	if way, err := w.Way(goal("GCC_PLUGINS=y")); assert.NoError(t, err) && way.Never {
		assert.Equal(t, fmt.Sprintf("scripts/gcc-plugins/Kconfig:12 looks for plugin-version.h, package gcc-%s-plugin-dev", gcc[:2]), w.Refused("GCC_PLUGINS", "y"))
	}
	if w.Values["PAHOLE_VERSION"].Value == "0" {
		assert.Equal(t, "it needs pahole 1.16 or newer (PAHOLE_VERSION >= 116): no pahole is installed, package dwarves", w.Refused("DEBUG_INFO_BTF", "y"))
	}
}

// TestTestsAreRead checks that the line of a test is found in its Kconfig file.
func TestTestsAreRead(t *testing.T) {
	const kconfig = `config A
	bool "a"
	depends on X
	depends on $(success,test -f /usr/include/bpf.h) && \
		$(cc-option,-mgood)
	help
	  $(cc-option,-mhelp)

if $(ld-option,--sort)

config B
	def_bool (YY && $(cc-option,-mbad)) || !$(success,true $(CC))

endif

config C
	bool "c"
	depends on $(python,-c "import lxml")
`
	tree := tree(t, `{"name":"A","type":"bool","depends":"'n","properties":[{"kind":"prompt","text":"a","if":"'n"}]}`,
		`{"name":"B","type":"bool","properties":[{"kind":"default","value":"'n"}]}`,
		`{"name":"C","type":"bool","depends":"'n","properties":[{"kind":"prompt","text":"c","if":"'n"}]}`,
		`{"name":"YY","type":"bool","properties":[]}`)
	tree.Symbol("B").Entries[0].Line = 11
	tree.Symbol("C").Entries[0].Line = 16
	w := explain.NewConfigState(tree, map[string]kconf.Value{"A": {Value: "n"}, "B": {Value: "n"}, "C": {Value: "n"}, "YY": {Value: "n"},
		"GCC_VERSION": {Value: "140201"}, "LD_VERSION": {Value: "24300"}}, kconfigs.Request{})
	compiler := "gcc"
	w.Kernel = &explain.Kernel{
		Read: func(string) ([]byte, error) { return []byte(kconfig), nil },
		Expand: func(text string) (string, error) {
			if text == "$(CC)" {
				return compiler, nil
			}
			if strings.Contains(text, "good") || strings.Contains(text, "true") {
				return "y", nil
			}
			return "n", nil
		},
	}
	assert.Equal(t, "net/k/Kconfig:4 looks for bpf.h", w.Refused("A", "y"))
	assert.Equal(t, "net/k/Kconfig:9 tests $(ld-option,--sort): this GNU ld 2.43 fails it, and "+
		"net/k/Kconfig:12 tests $(success,true $(CC)): this gcc 14.2.1 fails it", w.Refused("B", "y"))
	assert.Equal(t, "net/k/Kconfig:18 looks for Python's lxml, package python3-lxml", w.Refused("C", "y"))
	compiler = "/usr/bin/aarch64-linux-gnu-gcc"
	assert.Contains(t, w.Refused("B", "y"), "tests $(success,true $(CC)): this aarch64-linux-gnu-gcc 14.2.1 fails it")
}
