package redact

import (
	"encoding/json"
	"testing"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRedact(t *testing.T) {
	h := host{dirs: []string{"/home/al ice", "/home/al ice/.cache/netstrip", "/"}, names: []string{"alice", "root", "bigbox"}}
	for text, want := range map[string]string{
		"/usr/src/linux-source-6.12.tar.xz (sha256 585a)": "REDACTED/linux-source-6.12.tar.xz (sha256 585a)",
		"/home/alice":                         "REDACTED/REDACTED",
		"open /home/al ice/a/b: no such file": "open REDACTED/b: no such file",
		"'/srv/b c/vmlinux' -initrd /srv/x/i.cpio -append 'a=/b'":  "'REDACTED/vmlinux' -initrd REDACTED/i.cpio -append 'a=REDACTED/b'",
		"qemu path=/var/x/events.jsonl,if=none":                    "qemu path=REDACTED/events.jsonl,if=none",
		"/dev/kvm opens; full/busybox and 20261127T1-3d/no-ipv6":   "/dev/kvm opens; full/busybox and 20261127T1-3d/no-ipv6",
		"kernel BUG at /build/alice/net/core/dev.c:12!":            "kernel BUG at REDACTED/dev.c:12!",
		"console/20261127T-no-net.log":                             "console/20261127T-no-net.log",
		"built by alice@bigbox, root=/x":                           "built by REDACTED@REDACTED, root=REDACTED/x",
		"https://redacted@host/linux-6.12.tar.xz and ALICE.config": "https://redacted@host/linux-6.12.tar.xz and REDACTED.config",
	} {
		assert.Equal(t, want, h.text(text, false), text)
	}
	r := record.Record{Schema: 1, ID: "r1/full", Profile: "full", Outcome: record.Completed, Findings: []wire.Finding{{
		ID: "kernel/9p", Verdict: wire.Works, Detail: "mount /mnt/x; /home/al ice/x", Micros: 12, Numbers: map[string]float64{"n": 1.25},
	}}}
	r.Machine.Command, r.Kernel.ImageBytes = "qemu -kernel /home/al ice/vmlinux", 1<<40+1
	got, err := h.records([]record.Record{r})
	require.NoError(t, err)
	assert.Contains(t, got[0].Notices[0], "were removed")
	want := r
	want.Notices, want.Machine.Command = got[0].Notices, "qemu -kernel REDACTED/vmlinux"
	want.Findings = []wire.Finding{r.Findings[0]}
	want.Findings[0].Detail = "mount /mnt/x; /REDACTED/x"
	a, err := json.Marshal(want)
	require.NoError(t, err)
	b, err := json.Marshal(got[0])
	require.NoError(t, err)
	assert.JSONEq(t, string(a), string(b), "nothing else is changed")
}
