//go:build linux

package all

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/probes/perf"
	"github.com/netstrip/netstrip/initramfs/probes/pid1"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// The catalogue has exactly the probes that exist, because the host reads nothing else. The steps
// of an init are those of its start script.
func TestCatalogue(t *testing.T) {
	script, err := os.ReadFile("../../inits/busybox/etc/init.d/rcS")
	require.NoError(t, err)
	dir := t.TempDir()
	for _, step := range regexp.MustCompile(`(?m)^step (\w+) `).FindAllSubmatch(script, -1) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, string(step[1])), []byte("0\n"), 0o600))
	}
	var want, got, families []string
	for _, p := range wire.Probes() {
		want = append(want, p.ID)
	}
	for _, p := range append(Probes(), pid1.Probes("systemd", dir)...) {
		got = append(got, p.ID)
		assert.NotNil(t, p.Ask, p.ID)
		if !slices.Contains(families, p.Family()) {
			families = append(families, p.Family())
		}
		// A family's probes share a process, so they must be together.
		assert.Equal(t, families[len(families)-1], p.Family(), "%s is not with its family", p.ID)
	}
	assert.ElementsMatch(t, want, got, "the catalogue (A) and the probes (B)")
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
	assert.Len(t, more, len(Probes()))
	assert.Len(t, all, len(Probes())-len(perf.Probes()), "what measures is asked by name alone")
	_, err = Select("lo/[")
	assert.ErrorContains(t, err, `"lo/["`)
}

// Probes that need neither privileges nor IPv6 work on any host that can run the tests.
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
