//go:build linux

package probes

import (
	"context"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestAllProbesAreWellFormed(t *testing.T) {
	form := regexp.MustCompile(`^(lo|netns|socket|isolation|path|kernel|perf)(/[a-z0-9-]+)+$`)
	seen := map[string]bool{}
	var families []string
	for _, p := range All() {
		assert.Regexp(t, form, p.ID)
		assert.False(t, seen[p.ID], "%s is there twice", p.ID)
		seen[p.ID] = true
		assert.True(t, strings.HasSuffix(p.Question, "?"), "%s: %q is not a question", p.ID, p.Question)
		assert.NotNil(t, p.ask, p.ID)
		if !slices.Contains(families, p.Family()) {
			families = append(families, p.Family())
		}
		// A family's probes share a process, so they must stand together.
		assert.Equal(t, families[len(families)-1], p.Family(), "%s is not with its family", p.ID)
	}
	assert.Equal(t, []string{"lo", "netns", "socket", "isolation", "path", "kernel", "perf"}, families)
}

func TestSelect(t *testing.T) {
	for _, tc := range []struct {
		patterns string
		want     []string
	}{
		{"lo/mtu", []string{"lo/mtu"}},
		{"lo/mtu,lo/mtu", []string{"lo/mtu"}},
		{"*/tcp?/*", []string{"socket/tcp4/loopback", "socket/tcp6/loopback", "socket/tcp4/refused", "socket/tcp4/chat"}},
		{"socket/http*,lo/up", []string{"lo/up", "socket/http/loopback", "socket/http/localhost"}},
		{"nothing", nil},
	} {
		chosen, err := Select(tc.patterns)
		require.NoError(t, err)
		var ids []string
		for _, p := range chosen {
			ids = append(ids, p.ID)
		}
		assert.Equal(t, tc.want, ids, "for %q", tc.patterns)
	}
	all, err := Select("")
	require.NoError(t, err)
	more, err := Select("*")
	require.NoError(t, err)
	assert.Len(t, more, len(All()))
	assert.Len(t, all, len(All())-len(perfProbes()), "what measures is asked by name alone")
	_, err = Select("lo/[")
	assert.ErrorContains(t, err, `"lo/["`)
}

// A card that is in use stays where it is, lest a test take a machine's network from it.
func TestIdle(t *testing.T) {
	assert.ErrorContains(t, idle("lo"), "somebody uses it")
	assert.Equal(t, wire.Inconclusive, answer{}.finding(idle("lo")).Verdict)
}

// What needs neither privileges nor IPv6 works on any host that can run the tests.
func TestOnHost(t *testing.T) {
	chosen, err := Select("socket/unix/*,socket/???4/*,socket/tutorial/*,socket/http/*,socket/netlink/route,netns/file,lo/[fim]*,path/localhost,kernel/pipe,kernel/futex,kernel/epoll,kernel/eventfd,perf/pipe,perf/memory,perf/unix/*,perf/???4")
	require.NoError(t, err)
	for _, p := range chosen {
		if strings.HasPrefix(p.ID, "socket/raw4") {
			continue
		}
		t.Run(p.ID, func(t *testing.T) {
			asks := p.ID == "socket/http/localhost" || p.ID == "path/localhost" || strings.HasPrefix(p.ID, "socket/tutorial/")
			if _, err := net.LookupHost("localhost"); err != nil && asks {
				t.Skip("this host does not know localhost, as the guest does by its own /etc/hosts:", err)
			}
			f := p.Run(context.Background())
			assert.Equal(t, wire.Works, f.Verdict, "%+v", f)
			assert.Equal(t, p.ID, f.ID)
			assert.NotEmpty(t, f.Call)
		})
	}
}
