package ref

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func names() map[string]Ref {
	return map[string]Ref{
		"full":                         {Base: "full"},
		"full+apps":                    {Base: "full", Apps: true},
		"full+mine":                    {Base: "full", Added: []string{"mine"}},
		"full+apps+a+b":                {Base: "full", Apps: true, Added: []string{"a", "b"}},
		"full+a+apps":                  {Base: "full", Added: []string{"a", "apps"}},
		"no-net/busybox":               {Base: "no-net", Init: "busybox"},
		"full@6.1":                     {Base: "full", Series: "6.1"},
		"full+apps+mine/u-root@6.12":   {Base: "full", Apps: true, Added: []string{"mine"}, Init: "u-root", Series: "6.12"},
		"config-my.config":             {Base: "config-my.config"},
		"":                             {Base: ""},
		"full+":                        {Base: "full", Added: []string{""}},
		"full++a":                      {Base: "full", Added: []string{"", "a"}},
		"+apps":                        {Base: "+apps"},
		"full/":                        {Base: "full/"},
		"full@":                        {Base: "full@"},
		"/lib/linux+x.config":          {Base: "/lib/linux+x.config"},
		"20261127T1030-1/full/busybox": {Base: "20261127T1030-1", Init: "full/busybox"},
	}
}

func TestParse(t *testing.T) {
	for name, want := range names() {
		assert.Equal(t, want, Parse(name), name)
		assert.Equal(t, name, want.String())
	}
}

func TestProfile(t *testing.T) {
	assert.Equal(t, "full+apps+mine", Parse("full+apps+mine/u-root@6.12").Profile())
}

func TestPlain(t *testing.T) {
	for file, want := range map[string]string{
		"mine.config": "mine", "/a/b/mine.config": "mine", "a+b@c/d e+f.conf": "d_e_f.conf", "ü": "_", ".config": "", "apps.config": "apps.config", "my/apps": "apps.config",
	} {
		assert.Equal(t, want, Plain(file), file)
	}
}

// FuzzParse checks two properties: String returns any name that was parsed, and Parse returns
// any value that was printed.
func FuzzParse(f *testing.F) {
	for name := range names() {
		f.Add(name, true, "a/mine.config", "busybox", "6.1")
	}
	f.Fuzz(func(t *testing.T, name string, apps bool, file, init, series string) {
		require.Equal(t, name, Parse(name).String())
		r := Ref{Base: "config-" + Plain(name), Apps: apps, Added: []string{Plain(file)}, Init: init, Series: Plain(series)}
		if strings.Contains(init, "@") {
			r.Init = ""
		}
		require.Equal(t, r, Parse(r.String()))
	})
}
