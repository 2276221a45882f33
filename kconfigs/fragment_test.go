package kconfigs

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the expected files in testdata")

// golden compares got with a file that -update rewrites.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, file)
}

// corpus returns the inputs in a directory of testdata; it is never empty.
func corpus(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.config"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "\t")
	require.NoError(t, err)
	return string(data) + "\n"
}

func TestParseFragmentCorpus(t *testing.T) {
	for _, file := range corpus(t, "fragment") {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		f, err := ParseFragment(filepath.Base(file), data)
		got := asJSON(t, f)
		if err != nil {
			got = err.Error() + "\n"
		}
		golden(t, file+".want", got)
	}
}

func TestParseFragmentMessages(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"no value at all", "CONFIG_NET", `"CONFIG_NET" is neither "CONFIG_NAME=value", "# CONFIG_NAME is not set" nor a comment`},
		{"prose", "please add networking", `"please add networking" is neither "CONFIG_NAME=value", "# CONFIG_NAME is not set" nor a comment`},
		{"crlf", "CONFIG_NET=y\r", "the line ends in CRLF: save the file with Unix line ends"},
		{"not utf-8", "# caf\xe9", `"# caf\xe9" is not UTF-8`},
		{"byte order mark", "\ufeffCONFIG_NET=y", "the file begins with a byte order mark: save it without one"},
		{"control character", "CONFIG_NET=y\x00", `"CONFIG_NET=y\x00" contains a control character`},
		{"indented", "  CONFIG_NET=y", `"  CONFIG_NET=y" begins or ends with white space`},
		{"trailing blank", "CONFIG_NET=y ", `"CONFIG_NET=y " begins or ends with white space`},
		{"no prefix", "UNIX=y", `"UNIX=y" lacks the prefix: write CONFIG_UNIX=y`},
		{"spaces around =", "CONFIG_NET = y", `"CONFIG_NET " is not the name of a symbol`},
		{"no name", "CONFIG_=y", `"CONFIG_" is not the name of a symbol`},
		{"no value", "CONFIG_NET=", `CONFIG_NET: no value after the =; an empty string is written ""`},
		{"word for a value", "CONFIG_NET=yes", `CONFIG_NET: "yes" is neither y, m, n, a number nor a string in quotes`},
		{"comment after the value", "CONFIG_NET=y # network", `CONFIG_NET: "y # network" is neither y, m, n, a number nor a string in quotes`},
		{"unterminated string", `CONFIG_CMDLINE="quiet`, "CONFIG_CMDLINE: the string lacks its closing quote"},
		{"escaped closing quote", `CONFIG_CMDLINE="quiet\"`, "CONFIG_CMDLINE: the string lacks its closing quote"},
		{"after the string", `CONFIG_CMDLINE="a" b`, `CONFIG_CMDLINE: " b" follows the string's closing quote`},
		{"not set, no blank", "#CONFIG_NET is not set", `"#CONFIG_NET is not set" would be read as a comment: write "# CONFIG_NET is not set"`},
		{"not set, full stop", "# CONFIG_NET is not set.", `"# CONFIG_NET is not set." would be read as a comment: write "# CONFIG_NET is not set"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseFragment("mine.config", []byte("# why\n"+tt.in+"\n"))
			require.EqualError(t, err, "mine.config:2: "+tt.want)
			var re *RequestError
			require.ErrorAs(t, err, &re)
			assert.Equal(t, 2, re.Problems[0].Line)
		})
	}
}

func TestParseFragmentTwice(t *testing.T) {
	for _, second := range []string{"CONFIG_NET=y", "# CONFIG_NET is not set"} {
		_, err := ParseFragment("mine.config", []byte("CONFIG_NET=y\n"+second+"\n"))
		require.EqualError(t, err, "mine.config:2: CONFIG_NET: already set in line 1")
	}
}

func TestReadFragment(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.config")
	require.NoError(t, os.WriteFile(path, []byte("CONFIG_TUN=y\n"), 0o644))
	f, err := ReadFragment(path)
	require.NoError(t, err)
	assert.Equal(t, Fragment{Name: path, Settings: []Setting{{Symbol: "TUN", Value: "y", Fragment: path, Line: 1}}}, f)

	big := filepath.Join(dir, "vmlinux")
	require.NoError(t, os.WriteFile(big, []byte(strings.Repeat("#\n", maxFragment)), 0o644))
	for file, want := range map[string]string{
		filepath.Join(dir, "nosuch"): "no such file or directory",
		dir:                          "it is a directory, not a regular file",
		big:                          "longer than 1048576 bytes",
	} {
		_, err := ReadFragment(file)
		require.EqualError(t, err, file+": reading the fragment: "+want)
		var re *RequestError
		require.ErrorAs(t, err, &re)
	}
}
