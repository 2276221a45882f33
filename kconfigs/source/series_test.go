package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPinnedReleases(t *testing.T) {
	c := newCache(t)
	require.Contains(t, known().Pinned, Usual())
	for series, pin := range known().Pinned {
		s, err := Open(t.Context(), Options{URL: pin.URL, SHA256: pin.SHA256, Cache: c})
		require.NoError(t, err, series)
		assert.Equal(t, pin.SHA256, s.ID)
		assert.Contains(t, pin.URL, "https://cdn.kernel.org/pub/linux/kernel/v"+series[:1]+".x/linux-"+series+".")
		assert.Equal(t, series, s.Series())
	}
}

// Without apt a series is downloaded from kernel.org if it is pinned.
func TestPinnedWithoutApt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s, err := Open(t.Context(), Options{Series: "6.18", Cache: newCache(t)})
	require.NoError(t, err)
	assert.Equal(t, known().Pinned["6.18"].SHA256, s.ID)
}

// A pinned release that has been downloaded comes before what Debian may have.
func TestPinnedIsKept(t *testing.T) {
	if !known().Debian.usable() {
		t.Skip("there is no apt, or no keyring of Debian's")
	}
	c := newCache(t)
	pin := known().Pinned["6.18"]
	open := func() string {
		s, err := Open(t.Context(), Options{Series: "6.18", Cache: c})
		require.NoError(t, err)
		return s.ID
	}
	assert.Empty(t, open(), "opening must not download")
	write(t, c.Path(kindDownload, pin.SHA256)+"/"+tarballFile, "")
	assert.Equal(t, pin.SHA256, open())
}

func TestSeriesFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "parsing the kernel series: EOF",
		"pinned: {'6.1': {sha512: x}}": "field sha512 not found",
		"pinned: {'6.1': {url: [x]}}":  "cannot unmarshal",
		"pinned: {'6.1': {url: x}, '6.1': {url: y}}": `key "6.1" already defined`,
	} {
		_, err := parseTable([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestInOrder(t *testing.T) {
	assert.Equal(t, []string{"5.15", "6.1", "6.12", "7.3"}, InOrder([]string{"6.12", "7.3", "6.1", "", "5.15", "6.12", "rt", "6.1.2"}))
	assert.Contains(t, Known(), Usual())
}
