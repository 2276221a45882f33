package kbuild

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// eachSeries runs a test on 6.12; with NETSTRIP_FULL=1 also on 6.1 and 7.3; and with NETSTRIP_SOURCE
// only on that.
func eachSeries(t *testing.T, test func(t *testing.T, b *Builder)) {
	if testing.Short() && os.Getenv("NETSTRIP_REQUIRE_VM") == "" {
		t.Skip("-short: THE KERNEL'S KCONFIG IS NOT ASKED; run: make test")
	}
	on := func(o source.Options) {
		c, err := cache.Open("")
		require.NoError(t, err)
		o.Cache = c
		s, err := source.Open(t.Context(), o)
		require.NoError(t, err)
		require.NoError(t, s.Fetch(t.Context()))
		t.Run(s.Series(), func(t *testing.T) { test(t, &Builder{Cache: c, Source: s}) })
	}
	if path := os.Getenv("NETSTRIP_SOURCE"); path != "" {
		on(source.Options{Path: path})
		return
	}
	t.Run("6.12", func(t *testing.T) { test(t, realSource(t)) })
	for _, series := range []string{"6.1", "7.3"} {
		if os.Getenv("NETSTRIP_FULL") == "" {
			t.Logf("LINUX %s IS NOT TESTED: NETSTRIP_FULL=1 does", series)
			continue
		}
		on(source.Options{Series: series})
	}
}

// TestSettleIsMake compares the Kconfig program with make, byte for byte, in an order that would
// reveal state left over from an earlier request.
func TestSettleIsMake(t *testing.T) {
	eachSeries(t, func(t *testing.T, b *Builder) {
		ctx := t.Context()
		k, err := b.Kconf(ctx)
		require.NoError(t, err)
		defer k.Close()
		obj := t.TempDir()
		lock, err := os.Create(filepath.Join(obj, "lock"))
		require.NoError(t, err)
		defer lock.Close()
		j := &job{Builder: b, obj: obj, lock: lock}
		j.tree, err = b.Source.Tree(ctx)
		require.NoError(t, err)
		request := filepath.Join(obj, "request")
		made := func(mode kconf.Mode, text []byte) string {
			path := request
			if mode == kconf.OldDef {
				path = filepath.Join(obj, ".config")
			}
			require.NoError(t, os.WriteFile(path, text, 0o644))
			require.NoError(t, j.make(ctx, nil, []string{"KCONFIG_ALLCONFIG=" + request}, string(mode)))
			data, err := os.ReadFile(filepath.Join(obj, ".config"))
			require.NoError(t, err)
			return string(data)
		}
		for _, p := range kconfigs.Profiles() {
			if p.Prebuilt != nil {
				continue
			}
			j.req, err = p.Request()
			require.NoError(t, err)
			text, mode, err := j.begin()
			require.NoError(t, err)
			got, err := k.Settle(ctx, mode, []byte(text))
			require.NoError(t, err)
			// Equal would print both.
			assert.True(t, made(mode, []byte(text)) == string(got), "%s of %s", mode, p.Name)
		}
		for mode, text := range map[kconf.Mode]string{
			kconf.AllYes: "# CONFIG_INET is not set\nCONFIG_LOG_BUF_SHIFT=14\nCONFIG_PREEMPT_NONE=y\n",
			kconf.OldDef: "CONFIG_NET=y\nCONFIG_LOCALVERSION=\"-x\"\n",
		} {
			got, err := k.Settle(ctx, mode, []byte(text))
			require.NoError(t, err)
			assert.True(t, made(mode, []byte(text)) == string(got), string(mode))
		}
		text := []byte(profileText(t, "full"))
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
	eachSeries(t, func(t *testing.T, b *Builder) {
		ctx := t.Context()
		k, err := b.Kconf(ctx)
		require.NoError(t, err)
		defer k.Close()
		all, err := k.Symbols()
		require.NoError(t, err)
		values, err := k.Values(ctx, kconf.AllNo, []byte(profileText(t, "no-inet")))
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

func profileText(t *testing.T, name string) string {
	t.Helper()
	p, err := kconfigs.Lookup(name)
	require.NoError(t, err)
	r, err := p.Request()
	require.NoError(t, err)
	return r.Text()
}
