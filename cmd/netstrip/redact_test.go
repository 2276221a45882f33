package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
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
	got, err := h.redact([]record.Record{r})
	require.NoError(t, err)
	assert.Contains(t, got[0].Notices[0], "were taken out")
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

// On a record of a real boot, and as a person would do it: nothing of this host is left.
func TestShowRedacted(t *testing.T) {
	p := newPlace(t, "initramfs")
	p.env = append(p.env, "USER=alice.example")
	p.run("no-net").exits(t, 0)
	args := []string{"show", "--json", "--results", p.results}
	plain := p.netstrip(args...).exits(t, 0).stdout.String()
	cut := p.netstrip(append(args, "--redact")...).exits(t, 0).stdout.String()
	wd, err := os.Getwd()
	require.NoError(t, err)
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	assert.Contains(t, plain, p.cache, "the line that repeats the boot has it")
	for _, secret := range []string{p.cache, p.tmp, filepath.Dir(p.results), wd, home + "/", "alice.example"} {
		assert.NotContains(t, cut, secret)
	}
	name, err := os.Hostname()
	require.NoError(t, err)
	assert.NotRegexp(t, `(?i)[^a-z0-9]`+regexp.QuoteMeta(name)+`[^a-z0-9]`, cut)
	var records []record.Record
	require.NoError(t, json.Unmarshal([]byte(cut), &records))
	require.Len(t, records, 1)
	assert.NotRegexp(t, `[ '=]/[a-z]`, records[0].Machine.Command)
	assert.Contains(t, records[0].Machine.Command, "-kernel REDACTED/")
	assert.NotEmpty(t, records[0].Findings)
	assert.Contains(t, strings.Join(records[0].Notices, " "), "were taken out")
}
