package source

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A password in the URL of a source is neither printed nor stored.
func TestSecretsOfAURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://host/linux-6.12.tar.xz":             "https://host/linux-6.12.tar.xz",
		"http://user:hunter2@host/a":                 "http://redacted@host/a",
		"http://hunter2@host/a":                      "http://redacted@host/a",
		"https://host/a?X-Signature=hunter2#hunter2": "https://host/a?redacted",
		"http://user:hunter2@host:no port/":          "a URL that cannot be parsed",
	} {
		assert.Equal(t, want, withoutSecrets(url), url)
	}
	c := newCache(t)
	for _, address := range []string{
		"http://user:hunter2@127.0.0.1:1/linux.tar.xz", "nope://user:hunter2@host/", "http://user:hunter2@[::1/", "http://user:hunter2@127.0.0.1:x/",
	} {
		s, err := Open(t.Context(), Options{URL: address, SHA256: strings.Repeat("0", 64), Cache: c})
		require.NoError(t, err)
		assert.NotContains(t, s.Origin, "hunter2")
		_, err = s.Tree(t.Context())
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "hunter2")
		_, err = Open(t.Context(), Options{URL: address, SHA256: "0", Cache: c})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}
