package kconfigs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/arch"
)

func fragment(t *testing.T, name, text string) Fragment {
	t.Helper()
	f, err := ParseFragment(name, []byte(text))
	require.NoError(t, err)
	return f
}

func lookup(t *testing.T, name string) Profile {
	t.Helper()
	p, err := Lookup(name)
	require.NoError(t, err)
	return p
}

func request(t *testing.T, name string, added ...Fragment) Request {
	t.Helper()
	r, err := lookup(t, name).With(added...).Request()
	require.NoError(t, err)
	return r
}

func final(t *testing.T, name string) Config {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "final", name+".config"))
	require.NoError(t, err)
	c, err := ParseConfig(data)
	require.NoError(t, err)
	return c
}

// profileNames are the names of all profiles.
func profileNames() []string {
	return []string{
		"full", "no-packet", "no-netns", "no-unix", "no-ipv6", "no-inet", "bare-net", "no-net",
		"lo-down", "tiny", "defconfig", "defconfig-no-net", "distro", "services", "services-no-net", "services-no-inet",
	}
}

func TestProfiles(t *testing.T) {
	var names []string
	for _, p := range Profiles() {
		names = append(names, p.Name)
		assert.NotEmpty(t, p.Hypothesis, p.Name)
		assert.NotContains(t, p.Hypothesis, "\n", p.Name)
		assert.True(t, p.Prebuilt != nil || p.Fragments[0] == "guest", "%s: nothing else keeps the guest heard", p.Name)
	}
	assert.Equal(t, profileNames(), names)
	assert.Len(t, Ladder(), 8)
	for i, p := range Ladder() {
		assert.Equal(t, names[i], p.Name)
		assert.Equal(t, []string{"guest", "base"}, p.Fragments[:2], p.Name)
	}
}

// A user's config is built unchanged except for what the guest needs; a remark lists that.
func TestUserConfig(t *testing.T) {
	p, err := UserConfig("dir/my own.config", []byte("# a comment\nCONFIG_TTY=y\n# CONFIG_FUTEX is not set\nCONFIG_NR_CPUS=0x2\n"))
	require.NoError(t, err)
	assert.Equal(t, "config-my_own", p.Name)
	r, err := p.With(fragment(t, "more.config", "CONFIG_NR_CPUS=2\nCONFIG_UNIX=y\n")).Request()
	require.NoError(t, err)
	text, changed := r.Over(r.Start.Text)
	assert.Equal(t, []string{"FUTEX=y (was n)"}, changed, "0x2 is 2")
	assert.Equal(t, r.Text(), text, "the request has every symbol of it")
	text, _ = r.Over("CONFIG_OTHER=m\n")
	assert.Equal(t, "CONFIG_OTHER=m\n"+r.Text(), text)
	for text, want := range map[string]string{
		"":      "my.config: parsing .config: it sets no symbol",
		"A=y\n": `my.config: parsing .config: line 1: "A=y" lacks the prefix: write CONFIG_A=y`,
	} {
		_, err := UserConfig("my.config", []byte(text))
		assert.EqualError(t, err, want)
	}
	_, err = ReadConfig(t.TempDir() + "/none")
	assert.ErrorContains(t, err, "reading the config: no such file or directory")
}

func TestPrebuiltTakesNoFragment(t *testing.T) {
	p := UserKernel("/boot/vmlinuz-6.12.1", "")
	assert.Equal(t, "kernel-vmlinuz-6.12.1", p.Name)
	_, err := p.With(fragment(t, "mine.config", "CONFIG_UNIX=y\n")).Request()
	assert.EqualError(t, err, "mine.config: kernel-vmlinuz-6.12.1+mine was compiled elsewhere: no fragment can change it")
}

// TestRequests pins the request of each profile: a change of it changes the kernel.
func TestRequests(t *testing.T) {
	for _, p := range append(Ladder(), lookup(t, "services"), lookup(t, "services-no-net")) {
		golden(t, filepath.Join("testdata", "request", p.Name+".txt"), request(t, p.Name).Text())
	}
}

func TestEveryFragmentIsUsedAndGivesReasons(t *testing.T) {
	used := map[string]bool{}
	for _, a := range arch.Names() {
		used[a+".config"] = true
	}
	for _, p := range append(Profiles(), Apps()...) {
		for _, f := range p.Fragments {
			used[f+".config"] = true
		}
	}
	files, err := filepath.Glob("*.config")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		assert.True(t, used[file], "%s is in no profile", file)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for block := range strings.SplitSeq(string(data), "\n\n") {
			_, _, err := parseLine(block[:strings.IndexByte(block+"\n", '\n')])
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(block, "# ") && !strings.HasPrefix(block, "# CONFIG_"),
				"%s: a block without a reason:\n%s", file, block)
		}
	}
}

func TestLookupUnknown(t *testing.T) {
	all := "; the profiles are " + strings.Join(profileNames(), ", ")
	for name, want := range map[string]string{
		"no-intet":       `no such profile: "no-intet"; did you mean no-inet?` + all,
		"on-net":         `no such profile: "on-net"; did you mean no-net?` + all,
		"full@arm64":     `no such profile: "full@arm64": want full and --arch arm64`,
		"full@6.1-arm64": `no such profile: "full@6.1-arm64": want full and --series 6.1 --arch arm64`,
		"minimal":        `no such profile: "minimal"` + all,
		"":               `no such profile: ""` + all,
	} {
		_, err := Lookup(name)
		require.EqualError(t, err, want)
		var re *RequestError
		require.ErrorAs(t, err, &re)
	}
}

func TestWith(t *testing.T) {
	p := lookup(t, "full")
	a := p.With(fragment(t, "dir/mine.config", "CONFIG_TUN=y\n"))
	b := a.With(fragment(t, "wire guard", "CONFIG_WIREGUARD=y\n"))
	assert.Equal(t, "full", p.Name)
	assert.Equal(t, "full+mine", a.Name)
	assert.Equal(t, "full+mine+wire_guard", b.Name)

	r, err := b.Request()
	require.NoError(t, err)
	assert.Equal(t, b.Name, r.Profile)
	assert.Contains(t, r.Text(), "CONFIG_TUN=y\n")
	assert.Contains(t, r.Text(), "CONFIG_WIREGUARD=y\n")
	assert.True(t, slices.IsSortedFunc(r.Settings, func(a, b Setting) int { return strings.Compare(a.Symbol, b.Symbol) }))

	r, err = a.Request()
	require.NoError(t, err)
	assert.NotContains(t, r.Text(), "WIREGUARD", "a profile with more fragments must not change the one it came from")
}

func TestSameTextFromOtherFragments(t *testing.T) {
	a := fragment(t, "a.config", "CONFIG_TUN=y\nCONFIG_WIREGUARD=y\n")
	b := fragment(t, "b.config", "CONFIG_WIREGUARD=y\n")
	c := fragment(t, "c.config", "CONFIG_TUN=y\nCONFIG_NET=y\n")
	assert.Equal(t, request(t, "full", a).Text(), request(t, "full", b, c).Text())
}

func TestConflicts(t *testing.T) {
	p := lookup(t, "full").With(
		fragment(t, "mine.config", "# CONFIG_UNIX is not set\nCONFIG_TUN=y\n# CONFIG_VIRTIO_CONSOLE is not set\n"),
		fragment(t, "theirs.config", "CONFIG_TUN=m\nCONFIG_PCI=y\n"))
	_, err := p.Request()
	require.EqualError(t, err, ""+
		"mine.config:1: CONFIG_UNIX: n conflicts with y in unix.config:3 "+
		"(AF_UNIX sockets. The symbol has no default (net/unix/Kconfig:6) and NET does not select it): --override puts yours in its place\n"+
		"mine.config:3: CONFIG_VIRTIO_CONSOLE: n is not available: the guest needs y (guest.config:34)\n"+
		"theirs.config:1: CONFIG_TUN: m conflicts with y in mine.config:2")
}

// Settings that are not protected can be overridden, with a remark. The error for a protected
// one quotes the reason.
func TestOverride(t *testing.T) {
	mine := fragment(t, "base.config", "CONFIG_ACPI=y\nCONFIG_NET=y\n# CONFIG_TTY is not set\n") // the name of an embedded fragment
	p := lookup(t, "full").With(mine)
	const why = "base.config:54 (Off, although something might select them: the guest reboots instead of powering off, needs no modules, and has neither a screen nor a keyboard)"
	const tty = "base.config:3: CONFIG_TTY: n is not available: the guest needs y (guest.config:27)"
	_, err := p.Request()
	require.EqualError(t, err, "base.config:1: CONFIG_ACPI: y conflicts with n in "+why+
		": tiny, defconfig, defconfig-no-net do without base.config; --override puts yours in its place\n"+tty)
	p.Override = true
	_, err = p.Request()
	require.EqualError(t, err, tty)

	p = lookup(t, "full").With(fragment(t, "mine.config", "CONFIG_ACPI=y\nCONFIG_MODULES=y\nCONFIG_TUN=m\n"), fragment(t, "more.config", "CONFIG_ACPI=y\n"))
	p.Override = true
	r, err := p.Request()
	require.NoError(t, err)
	assert.Contains(t, r.Text(), "CONFIG_ACPI=y\n")
	assert.Contains(t, r.Text(), "CONFIG_MODULES=y\n")
	require.Len(t, r.Remarks, 2)
	assert.Equal(t, "mine.config:1: CONFIG_ACPI: y in place of n in "+why, r.Remarks[0])
	p = p.With(fragment(t, "third.config", "# CONFIG_ACPI is not set\n"))
	_, err = p.Request()
	require.EqualError(t, err, "third.config:1: CONFIG_ACPI: n conflicts with y in mine.config:1", "two of the user's fragments still conflict")
}

func TestUnknownFragment(t *testing.T) {
	_, err := Profile{Name: "p", Fragments: []string{"guest", "nosuch"}}.Request()
	require.EqualError(t, err, `no such fragment: "nosuch"`)
}

func TestProtected(t *testing.T) {
	p := Protected(func(symbol string) bool { return symbol != "ARM64" && symbol != "RISCV" })
	assert.True(t, slices.IsSorted(p))
	for _, s := range []string{"VIRTIO_CONSOLE", "SERIAL_8250_CONSOLE", "BLK_DEV_INITRD", "TMPFS", "PROC_FS", "SYSFS", "DEVTMPFS", "PCI"} {
		assert.Contains(t, p, s)
	}
	for _, s := range []string{"NET", "UNIX", "INET", "EXPERT", "SERIAL_8250_PCI"} {
		assert.NotContains(t, p, s)
	}
}

func TestCheckKnown(t *testing.T) {
	known := map[string]bool{"NET": true, "UNIX": true, "UNIX_DIAG": true, "WIREGUARD": true, "INET": true}
	p := Profile{Name: "p"}.With(fragment(t, "mine.config",
		"CONFIG_NET=y\nCONFIG_UNXI=y\n# CONFIG_WIREGAURD is not set\nCONFIG_FROBNICATE=y\nCONFIG_INETT=y\n"))
	r, err := p.Request()
	require.NoError(t, err)
	require.EqualError(t, r.CheckKnown(known), ""+
		"mine.config:2: CONFIG_UNXI: this kernel has no such symbol; did you mean UNIX?\n"+
		"mine.config:4: CONFIG_FROBNICATE: this kernel has no such symbol\n"+
		"mine.config:5: CONFIG_INETT: this kernel has no such symbol; did you mean INET?")
	r, err = Profile{}.With(fragment(t, "ok.config", "CONFIG_NET=y\n")).Request()
	require.NoError(t, err)
	require.NoError(t, r.CheckKnown(known))
}

func TestVerify(t *testing.T) {
	ask := func(text string) error {
		r, err := Profile{}.With(fragment(t, "mine.config", text)).Request()
		require.NoError(t, err)
		return r.Verify(final(t, "no-net"))
	}
	require.NoError(t, ask("CONFIG_64BIT=y\n# CONFIG_NET is not set\n# CONFIG_UNIX is not set\n"))
	require.NoError(t, ask("CONFIG_PHYSICAL_START=0X1000000\nCONFIG_DEFAULT_HOSTNAME=\"(none)\"\n"))
	require.EqualError(t, ask("# why\n\nCONFIG_UNIX=y\n"), "mine.config:3: CONFIG_UNIX: wanted y, got n")
	require.EqualError(t, ask("# CONFIG_PCI is not set\nCONFIG_DUMMY=m\nCONFIG_LOG_BUF_SHIFT=40\n"+
		"CONFIG_NOSUCH=5\nCONFIG_DEFAULT_TCP_CONG=\"cubic\"\nCONFIG_DEFAULT_HOSTNAME=\"me\"\n"), ""+
		"mine.config:1: CONFIG_PCI: wanted n, got y\n"+
		"mine.config:2: CONFIG_DUMMY: wanted m, got n (there are no modules here: ask for y)\n"+
		"mine.config:3: CONFIG_LOG_BUF_SHIFT: wanted 40, got 17\n"+
		"mine.config:4: CONFIG_NOSUCH: wanted 5, got nothing\n"+
		"mine.config:5: CONFIG_DEFAULT_TCP_CONG: wanted \"cubic\", got nothing\n"+
		"mine.config:6: CONFIG_DEFAULT_HOSTNAME: wanted \"me\", got \"(none)\"")
}

func TestParseConfigCorpus(t *testing.T) {
	for _, file := range corpus(t, "final") {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		c, err := ParseConfig(data)
		require.NoError(t, err)
		golden(t, file+".want", asJSON(t, c.values))
	}
}

func TestParseConfigFaults(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "parsing .config: it sets no symbol",
		"# only a comment\n":             "parsing .config: it sets no symbol",
		"CONFIG_NET=y\nCONFIG_INET":      `parsing .config: line 2: "CONFIG_INET" is neither "CONFIG_NAME=value", "# CONFIG_NAME is not set" nor a comment`,
		"CONFIG_NET=y\nCONFIG_NET=y\n":   "parsing .config: line 2: CONFIG_NET is set twice",
		"CONFIG_A=\"cut short by a full": "parsing .config: line 1: CONFIG_A: the string lacks its closing quote",
	} {
		_, err := ParseConfig([]byte(in))
		require.EqualError(t, err, want)
	}
}

func TestConfigValue(t *testing.T) {
	c := final(t, "no-inet")
	assert.Equal(t, "y", c.Value("UNIX"))
	assert.Equal(t, "n", c.Value("INET"), "is not set")
	assert.Equal(t, "n", c.Value("IPV6"), "not there")
	assert.Equal(t, "0x1000000", c.Value("PHYSICAL_START"))
}

// The kernels for applications are those of the ladder with additions outside networking, and
// with tunnels if they have IP.
func TestApps(t *testing.T) {
	var names []string
	for _, p := range Apps() {
		names = append(names, p.Name)
		r, err := p.Request()
		require.NoError(t, err, p.Name)
		own := map[string]string{}
		for _, s := range r.Settings {
			own[s.Symbol] = s.Value
		}
		rung := request(t, strings.TrimSuffix(p.Name, "+apps"))
		for _, s := range rung.Settings {
			assert.Equal(t, s.Value, own[s.Symbol], "%s: %s", p.Name, s.Symbol)
		}
		assert.Equal(t, "y", own["SQUASHFS"], p.Name)
		assert.Equal(t, own["INET"] == "y", own["WIREGUARD"] == "y", p.Name)
	}
	assert.Equal(t, strings.Fields("full+apps no-packet+apps no-netns+apps no-unix+apps no-ipv6+apps no-inet+apps bare-net+apps no-net+apps lo-down+apps"), names)
	assert.Equal(t, request(t, "full+apps").Text(), request(t, "lo-down+apps").Text(), "they share a kernel")
	assert.NotEmpty(t, lookup(t, "lo-down+apps").Args)
}
