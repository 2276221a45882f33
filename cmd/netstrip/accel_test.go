package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netstrip/netstrip/vmtests/doctor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Under KVM every guest hangs: what stands in QEMU's place starts them paused. That is
// found out once, and doctor and each record say what is used instead, and why.
func TestAcceleratorIsTold(t *testing.T) {
	p := newPlace(t, "initramfs")
	qemu, err := exec.LookPath("qemu-system-x86_64")
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(bin), 0o755)) // under TCG nobody runs it
	tried := filepath.Join(t.TempDir(), "tried")
	script := "#!/bin/sh\ncase \" $* \" in *' -accel kvm '*) echo >>" + tried + "\n" +
		"for a; do shift; test \"$a\" = kvm && a=tcg; set -- \"$@\" \"$a\"; done; set -- -S \"$@\";; esac\nexec " + qemu + " \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, filepath.Base(qemu)), []byte(script), 0o755))
	p.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "NETSTRIP_ACCEL=auto"}

	said := p.doctor(t)
	record := p.run("no-net").exits(t, 0).records(t)[0]
	assert.Equal(t, "tcg", record.Machine.Accel)
	assert.True(t, strings.HasPrefix(said, "tcg: "+record.Machine.AccelReason), said)
	assert.Equal(t, said, p.doctor(t))
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		assert.Contains(t, said, "/dev/kvm")
		assert.NoFileExists(t, tried)
		return
	}
	device.Close()
	assert.Contains(t, said, "/dev/kvm opens, but a guest does not boot under it: silent (no console byte and no event in 3s)")
	assert.Contains(t, said, ", or now by netstrip doctor --retry-kvm")
	times, err := os.ReadFile(tried)
	require.NoError(t, err)
	assert.Equal(t, "\n", string(times), "once")
	p.doctor(t, "--retry-kvm")
	times, err = os.ReadFile(tried)
	require.NoError(t, err)
	assert.Equal(t, "\n\n", string(times), "and once more")
}

// doctor is what netstrip doctor says of the accelerator.
func (p *place) doctor(t *testing.T, flags ...string) string {
	t.Helper()
	n := p.netstrip(append([]string{"doctor", "--json"}, flags...)...)
	n.start(t)
	n.ended(t) // not everything need be there
	var checks doctor.Checks
	require.NoError(t, json.Unmarshal(n.stdout.Bytes(), &checks), n.stderr.String())
	for _, c := range checks {
		if c.Name == "accelerator" {
			return c.Found
		}
	}
	require.Fail(t, "no accelerator", strings.TrimSpace(n.stdout.String()))
	return ""
}
