//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestAnswer(t *testing.T) {
	for _, tc := range []struct {
		f    wire.Finding
		want string
	}{
		{wire.Finding{ID: "lo/up", Verdict: wire.Works, Call: "ioctl(SIOCGIFFLAGS)", Value: "up"}, "lo/up works ioctl(SIOCGIFFLAGS) up"},
		{wire.Finding{ID: "lo/up", Verdict: wire.Absent, Errno: "ENOSYS", Call: "socket()", Detail: "socket(): no"}, "lo/up ENOSYS socket(): no"},
		{wire.Finding{ID: "lo/up", Verdict: wire.Absent, Detail: "no file"}, "lo/up absent no file"},
		{wire.Finding{ID: "lo/up", Verdict: wire.Inconclusive, Errno: "EPERM"}, "lo/up inconclusive"},
	} {
		assert.Equal(t, tc.want, strings.Join(strings.Fields(answer(tc.f)), " "))
	}
}

func TestProbeCommand(t *testing.T) {
	assert.True(t, isProbe([]string{"/usr/local/bin/probe", "lo/up"}))
	assert.False(t, isProbe([]string{"/bin/uinit", "probe"}))
	assert.False(t, isProbe(nil))

	var out bytes.Buffer
	assert.Equal(t, 0, probe(&out, []string{"--list"}))
	assert.Regexp(t, `(?m)^lo/present +Do netlink and sysfs both show an interface called lo\?$`, out.String())
	assert.NotContains(t, out.String(), "\n"+wire.InitFamily+"/", "they are about how the guest was started")

	out.Reset()
	for _, args := range [][]string{nil, {""}, {"--help"}, {"lo/none"}, {"lo/["}, {"--list", "lo/up"}} {
		assert.Equal(t, 2, probe(&out, args), "%q", args)
	}
	assert.Empty(t, out.String())
}
