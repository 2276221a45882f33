package run

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
)

// Where a kernel looks for modprobe, and whether it does.
func TestModprobeOfConfig(t *testing.T) {
	for text, want := range map[string]struct {
		loaders []string
		refuses string
	}{
		"CONFIG_MODPROBE_PATH=\"/sbin/modprobe\"\n":  {},
		"CONFIG_MODPROBE_PATH=\"/usr/lib/loader\"\n": {loaders: []string{"/usr/lib/loader"}},
		"CONFIG_MODPROBE_PATH=\"\"\n":                {refuses: "the kernel loads nothing on demand: CONFIG_MODPROBE_PATH is empty"},
		"CONFIG_STATIC_USERMODEHELPER=y\nCONFIG_STATIC_USERMODEHELPER_PATH=\"/sbin/usermode-helper\"\nCONFIG_MODPROBE_PATH=\"/sbin/modprobe\"\n": {
			loaders: []string{"/sbin/usermode-helper"},
		},
		"CONFIG_STATIC_USERMODEHELPER=y\nCONFIG_STATIC_USERMODEHELPER_PATH=\"\"\n": {
			refuses: "the kernel starts no program: CONFIG_STATIC_USERMODEHELPER_PATH is empty",
		},
		"# CONFIG_MODULES is not set\n": {},
	} {
		c, err := kconfigs.ParseConfig([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, want.loaders, loaders(c), text)
		assert.Equal(t, want.refuses, refuses(c), text)
	}
}
