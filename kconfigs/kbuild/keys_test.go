package kbuild

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Files of keys that are not here are left out; others stay.
func TestWithoutKeys(t *testing.T) {
	tree := t.TempDir()
	mine := filepath.Join(tree, "mine.pem")
	require.NoError(t, os.WriteFile(mine, nil, 0o644))
	assert.Equal(t, `CONFIG_NET=y
CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"
CONFIG_SYSTEM_TRUSTED_KEYS=""
CONFIG_SYSTEM_REVOCATION_KEYS="mine.pem"
CONFIG_SYSTEM_BLACKLIST_HASH_LIST=""
`, withoutKeys(`CONFIG_NET=y
CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"
CONFIG_SYSTEM_TRUSTED_KEYS="debian/canonical-certs.pem"
CONFIG_SYSTEM_REVOCATION_KEYS="mine.pem"
CONFIG_SYSTEM_BLACKLIST_HASH_LIST=""
`, tree))
	assert.Equal(t, "CONFIG_MODULE_SIG_KEY=\"certs/signing_key.pem\"\nCONFIG_SYSTEM_TRUSTED_KEYS=\""+mine+"\"\n",
		withoutKeys("CONFIG_MODULE_SIG_KEY=\"pkcs11:token=x\"\nCONFIG_SYSTEM_TRUSTED_KEYS=\""+mine+"\"\n", tree))
}

// What a .config asks of this machine is checked before the build.
func TestConfigTools(t *testing.T) {
	require.NoError(t, checkConfigTools(t.Context(), []byte("\nCONFIG_NET=y\n# CONFIG_KERNEL_LZO is not set\n")))
	t.Setenv("PATH", t.TempDir())
	assert.EqualError(t, checkConfigTools(t.Context(), []byte("\nCONFIG_KERNEL_LZO=y\n")),
		"building a kernel of this .config: missing lzop: apt-get install lzop (see netstrip doctor)")
	assert.ErrorContains(t, checkConfigTools(t.Context(), []byte("\nCONFIG_MODULE_SIG=y\n")), "missing openssl, openssl/opensslv.h: apt-get install openssl libssl-dev")
}
