package kconfigs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func symbols(names ...string) map[string]bool {
	all := map[string]bool{}
	for _, n := range names {
		all[n] = true
	}
	return all
}

func TestConditions(t *testing.T) {
	f, err := ParseFragment("f", []byte("CONFIG_OLD=y\n# or CONFIG_NEW=y\n# or CONFIG_NEWEST=y\n# if it exists: CONFIG_PVH=y\n"+
		"# if CONFIG_X86 exists: # CONFIG_ACPI is not set\n# if it rains: CONFIG_NO=y\n"))
	require.NoError(t, err)
	r := compose(Profile{Name: "p", added: []Fragment{f}}, nil, &RequestError{})
	assert.Equal(t, "# if CONFIG_X86 exists: # CONFIG_ACPI is not set\nCONFIG_OLD=y\n# or CONFIG_NEW=y\n# or CONFIG_NEWEST=y\n"+
		"# if CONFIG_PVH exists: CONFIG_PVH=y\n", r.Text())
	for names, want := range map[string]string{
		"OLD NEW PVH X86": "# CONFIG_ACPI is not set\nCONFIG_OLD=y\nCONFIG_PVH=y\n",
		"NEW NEWEST":      "CONFIG_NEW=y\n",
		"NEWEST":          "CONFIG_NEWEST=y\n",
		"X86":             "# CONFIG_ACPI is not set\nCONFIG_OLD=y\n",
	} {
		got, err := r.For(symbols(strings.Fields(names)...))
		require.NoError(t, err)
		assert.Equal(t, want, got.Text(), names)
	}
	require.NoError(t, r.CheckKnown(symbols("NEW")))
	require.EqualError(t, r.CheckKnown(symbols("X")), "f:1: CONFIG_OLD: this kernel has no such symbol")
	final, err := ParseConfig([]byte("CONFIG_NEW=y\n"))
	require.NoError(t, err)
	require.NoError(t, r.Verify(final), "one of the alternatives is enough")
}

func TestBadConditions(t *testing.T) {
	for text, want := range map[string]string{
		"# or CONFIG_NEW=y\n":                          `f:1: "# or" does not follow a setting`,
		"CONFIG_OLD=y\n\n# or CONFIG_NEW=y\n":          `f:3: "# or" does not follow a setting`,
		"CONFIG_OLD=y\n# or CONFIG_NEW=m\n":            "f:2: the alternative has another value than OLD",
		"CONFIG_OLD=y\n# or CONFIG_NEW=\n":             `f:2: CONFIG_NEW: no value after the =; an empty string is written ""`,
		"# if it exists: CONFIG_PVH\n":                 `f:1: "CONFIG_PVH" is neither "CONFIG_NAME=value", "# CONFIG_NAME is not set" nor a comment`,
		"# if it exists CONFIG_PVH=y\n":                "f:1: " + errMisspelled.Error(),
		"# If it exists: CONFIG_PVH=y\n":               "f:1: " + errMisspelled.Error(),
		"#if it exists: # CONFIG_PVH is not set\n":     "f:1: " + errMisspelled.Error(),
		"# if X86 exists: CONFIG_PVH=y\n":              "f:1: " + errMisspelled.Error(),
		"CONFIG_OLD=y\n# or NEW=y\n":                   "f:2: " + errMisspelled.Error(),
		"CONFIG_OLD=y\n#or CONFIG_NEW=y\n":             "f:2: " + errMisspelled.Error(),
		"CONFIG_PVH=y\n# if it exists: CONFIG_PVH=y\n": "f:2: CONFIG_PVH: already set in line 1",
	} {
		_, err := ParseFragment("f", []byte(text))
		require.EqualError(t, err, want, text)
	}
}

// What a guest needs on one architecture only is protected there only.
func TestProtectedByArchitecture(t *testing.T) {
	mine, err := ParseFragment("mine.config", []byte("# CONFIG_SERIAL_AMBA_PL011 is not set\n# CONFIG_SERIAL_8250_NR_UARTS is not set\n"))
	require.NoError(t, err)
	p, err := Lookup("tiny")
	require.NoError(t, err)
	r, err := p.With(mine).Request()
	require.NoError(t, err)
	_, err = r.For(symbols("RISCV"))
	require.NoError(t, err)
	_, err = r.For(symbols("ARM64"))
	require.EqualError(t, err, "mine.config:1: CONFIG_SERIAL_AMBA_PL011: n is not available: the guest needs y (arm64.config:4)")
	_, err = r.For(symbols("X86_64"))
	require.EqualError(t, err, "mine.config:2: CONFIG_SERIAL_8250_NR_UARTS: n is not available: the guest needs 4 (x86_64.config:8)")
}
