package kbuild_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// TestSettleIsMake compares the Kconfig program with make, byte for byte, in an order that would
// reveal state left over from an earlier request.
func TestSettleIsMake(t *testing.T) {
	kbuildtest.Each(t, func(t *testing.T, kernel kbuildtest.Kernel) {
		ctx, k := t.Context(), kernel.Kconfig
		obj := t.TempDir()
		made := func(mode kconf.Mode, text []byte) string {
			data, err := kernel.Make(ctx, obj, mode, text)
			require.NoError(t, err)
			return string(data)
		}
		for _, p := range kconfigs.Profiles() {
			if p.Prebuilt != nil || kernel.Quick && p.Name != "full" && p.Name != "tiny" {
				continue
			}
			text, mode := textOf(t, kernel, p.Name)
			got, err := k.Settle(ctx, mode, text)
			require.NoError(t, err)
			// Equal would print both.
			assert.True(t, made(mode, text) == string(got), "%s of %s", mode, p.Name)
		}
		for mode, text := range map[kconf.Mode]string{
			kconf.AllYes: "# CONFIG_INET is not set\nCONFIG_LOG_BUF_SHIFT=14\nCONFIG_PREEMPT_NONE=y\n",
			kconf.OldDef: "CONFIG_NET=y\nCONFIG_LOCALVERSION=\"-x\"\n",
		} {
			got, err := k.Settle(ctx, mode, []byte(text))
			require.NoError(t, err)
			assert.True(t, made(mode, []byte(text)) == string(got), string(mode))
		}
		text, _ := textOf(t, kernel, "full")
		first, err := k.Settle(ctx, kconf.AllNo, text)
		require.NoError(t, err)
		k.Close()
		again, err := k.Settle(ctx, kconf.AllNo, text)
		require.NoError(t, err, "closed is not the end")
		assert.True(t, string(first) == string(again))
		_, err = k.Settle(ctx, "oldconfig", text)
		assert.EqualError(t, err, "asking Kconfig for oldconfig: error: no such command: oldconfig: failed 2")
	})
}

// TestSymbolsAndValues checks known facts about some symbols.
func TestSymbolsAndValues(t *testing.T) {
	kbuildtest.Each(t, func(t *testing.T, kernel kbuildtest.Kernel) {
		ctx, k := t.Context(), kernel.Kconfig
		all, err := k.Symbols()
		require.NoError(t, err)
		text, mode := textOf(t, kernel, "no-inet")
		values, err := k.Values(ctx, mode, text)
		require.NoError(t, err)
		assert.Len(t, values, len(all))
		named := map[string]kconf.Symbol{}
		for _, sym := range all {
			named[sym.Name] = sym
			require.NotEmpty(t, sym.Entries, sym.Name)
		}
		unix := named["UNIX"]
		assert.Equal(t, "NET", unix.Depends.String())
		assert.Equal(t, "net/unix/Kconfig", unix.Entries[0].File)
		assert.Contains(t, unix.Entries[0].Help, "Unix domain sockets")
		assert.Equal(t, kconf.Value{Value: "y", Visible: kconf.Yes, Depends: kconf.Yes, Written: true}, values["UNIX"])
		assert.Equal(t, kconf.Value{Value: "n", Depends: kconf.No}, values["IPV6"])
		assert.Equal(t, "choice", named["PREEMPT_NONE"].Choice[:6])
		assert.Contains(t, named, named["PREEMPT_NONE"].Choice)
	})
}

// textOf returns the lines that a profile's .config is made from.
func textOf(t *testing.T, k kbuildtest.Kernel, profile string) (text []byte, mode kconf.Mode) {
	t.Helper()
	p, err := kconfigs.Lookup(profile)
	require.NoError(t, err)
	req, err := p.Request()
	require.NoError(t, err)
	lines, mode, err := k.Begin(t.Context(), k.Kconfig, req)
	require.NoError(t, err)
	return []byte(lines), mode
}
