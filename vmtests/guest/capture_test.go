package guest

import (
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A firmware's output is no sign of the kernel, in pieces of any size.
func TestFirmwareIsNotTheKernel(t *testing.T) {
	read := func(name string) string {
		log, err := os.ReadFile("../console/testdata/" + name + ".log")
		require.NoError(t, err)
		return string(log)
	}
	firmware := read("firmware-opensbi")
	for _, tc := range []struct {
		name, log string
		spoke     bool
		reached   []Milestone
	}{
		{"nothing", "", false, nil},
		{"an empty line", "\r\n", false, nil},
		{"firmware", firmware, false, nil},
		{"firmware, cut", firmware[:strings.Index(firmware, "HART Count")], false, nil},
		{"a word that may have become a firmware's name", "\r\nOpenS", false, []Milestone{FirstByte}},
		{"a kernel", "[    0.000000] Linux version 6.12.1 (x)\r\n", true, []Milestone{FirstByte, Banner}},
		{"a kernel after firmware", firmware + "[    0.000000] Linux version 6.12.1 (x)\r\n", true, []Milestone{FirstByte, Banner}},
		{"a kernel that prints no banner", firmware + "[    0.100000] x\r\n", true, []Milestone{FirstByte}},
		{"an unfinished line", "x", true, []Milestone{FirstByte}},
		{"an unfinished line after firmware", firmware + "x", false, []Milestone{FirstByte}},
		{"a program after firmware", firmware + "x\r\n", true, []Milestone{FirstByte}},
		{"firmware and a boot loader", read("firmware-opensbi-uboot"), false, nil},
		{"UEFI", read("firmware-uefi"), false, nil},
		{"a boot loader, a kernel and its panic, without time stamps", read("arm64-firmware-uboot-nots"), true, []Milestone{FirstByte, Banner, InitStarted}},
		{"another firmware", "\x1bc\x1b[?7l\x1b[2JSeaBIOS (version 1.16.2)\r\nBooting from ROM...\r\n", false, nil},
	} {
		for _, in := range []io.Reader{strings.NewReader(tc.log), iotest.OneByteReader(strings.NewReader(tc.log))} {
			var reached []Milestone
			spoke := false
			c := &capture{start: time.Now(), progress: func(s bool) { spoke = s }, reached: func(m Milestone) { reached = append(reached, m) }}
			c.read(in)
			assert.Equal(t, tc.spoke, spoke, tc.name)
			assert.Equal(t, tc.reached, reached, tc.name)
			assert.Equal(t, len(tc.reached) > 0, c.firstByte > 0, tc.name)
			assert.True(t, c.banner == 0 || c.firstByte <= c.banner, tc.name)
		}
	}
}
