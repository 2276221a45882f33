package run

import (
	"testing"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/stretchr/testify/assert"
)

// Only an errno that shows what the kernel lacks makes a failed program absent.
func TestMerge(t *testing.T) {
	first := wire.Finding{Verdict: wire.Inconclusive, Value: "exit status 1", Exit: &wire.Exit{Code: 1}}
	for _, tc := range []struct {
		call, errno string
		code        int
		want        wire.Verdict
	}{
		{"socket(AF_UNIX, SOCK_STREAM)", "ENOSYS", 1, wire.Absent},
		{`openat("/proc/net/unix")`, "ENOENT", 1, wire.Absent},
		{`openat("/usr/lib/python3.11/encodings")`, "ENOENT", 1, wire.Inconclusive},
		{`openat("/etc/shadow")`, "EACCES", 1, wire.Inconclusive},
		{"", "", 1, wire.Inconclusive},
		{"", "", 0, wire.Inconclusive},
	} {
		got := merge(first, wire.Finding{Call: tc.call, Errno: tc.errno, Exit: &wire.Exit{Code: tc.code}})
		assert.Equal(t, tc.want, got.Verdict, tc.call)
		assert.Equal(t, tc.errno, got.Errno)
	}
	assert.Equal(t, "exec/a_b.test", JobID("/tmp/x/a b.test"))
	assert.Equal(t, "exec/program", JobID(""))
}
