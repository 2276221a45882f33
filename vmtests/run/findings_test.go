package run

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/guest"
)

// No profile's command line is cut, whichever probes are chosen.
func TestCommandLinesFit(t *testing.T) {
	for _, p := range append(kconfigs.Profiles(), kconfigs.Apps()...) {
		list := strings.Repeat("x", longestList)
		g := guest.Guest{KernelArgs: append([]string{"tsc_early_khz=10000000", wire.ParamInit + "=systemd", wire.ParamProbes + "=" + list}, p.Args...)}
		_, line, _ := strings.Cut(g.Command(), "-append ")
		assert.Contains(t, line, list)
		assert.Less(t, len(line), 2048-256, p.Name)
	}
}

// A boot with applications runs only those, any other the probes of the catalogue.
func TestKnown(t *testing.T) {
	ids := (&Runner{}).known()
	assert.Contains(t, ids, "lo/mtu")
	assert.NotContains(t, strings.Join(ids, " "), "init/")
	r := &Runner{opts: Options{Disk: &image.Disk{}, Apps: []wire.App{{ID: "app/redis/unix"}}}}
	assert.Equal(t, []string{"app/redis/unix"}, r.known())
}
