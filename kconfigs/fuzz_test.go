package kconfigs

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// seeds adds the inputs in a directory of testdata, cut to a length that the fuzzer does not
// waste time on shortening, and inputs that the corpus cannot contain.
func seeds(f *testing.F, dir string) {
	f.Helper()
	entries, err := os.ReadDir("testdata/" + dir)
	require.NoError(f, err)
	require.NotEmpty(f, entries)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".config") {
			continue
		}
		data, err := os.ReadFile("testdata/" + dir + "/" + e.Name())
		require.NoError(f, err)
		if i := bytes.LastIndexByte(data[:min(len(data), 4<<10)], '\n'); i >= 0 {
			data = data[:i+1]
		}
		f.Add(data)
	}
	f.Add([]byte("CONFIG_NET=y\n# CONFIG_UNIX is not set\nCONFIG_S=\"a\\\"b\"\nCONFIG_H=0xffffffff81000000\n"))
	f.Add([]byte("CONFIG_NET\r\n\xff"))
	f.Add([]byte("CONFIG_NET=y\nCONFIG_NET=n"))
}

// FuzzParseFragment checks for any input that Text writes a parsed fragment in a form that
// parses the same, and that every problem names its line.
func FuzzParseFragment(f *testing.F) {
	seeds(f, "fragment")
	f.Fuzz(func(t *testing.T, data []byte) {
		frag, err := ParseFragment("f", data)
		if err != nil {
			var re *RequestError
			require.ErrorAs(t, err, &re)
			for _, p := range re.Problems {
				require.Positive(t, p.Line)
			}
			return
		}
		r, err := Profile{Name: "p"}.With(frag).Request()
		require.NoError(t, err)
		again, err := ParseFragment("f", []byte(r.Text()))
		require.NoError(t, err)
		r2, err := Profile{Name: "p"}.With(again).Request()
		require.NoError(t, err)
		require.Equal(t, r.Text(), r2.Text())
	})
}

// FuzzParseConfig checks for any input that a parsed config has a valid value for each symbol
// it sets, that it parses the same when written again, and that it is a valid fragment too.
func FuzzParseConfig(f *testing.F) {
	seeds(f, "final")
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			require.Contains(t, err.Error(), "parsing .config: ")
			return
		}
		require.NotEmpty(t, c.values)
		var b strings.Builder
		for symbol, value := range c.values {
			require.Equal(t, value, c.Value(symbol))
			require.NoError(t, checkValue(value))
			b.WriteString("CONFIG_" + symbol + "=" + value + "\n")
		}
		again, err := ParseConfig([]byte(b.String()))
		require.NoError(t, err)
		require.Equal(t, c, again)
		frag, err := ParseFragment("f", data)
		require.NoError(t, err, "what a .config may say, a fragment may ask for")
		require.Len(t, frag.Settings, len(c.values))
	})
}
