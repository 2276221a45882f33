package vmtests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/run"
)

// What a program in QEMU's place does for KVM. For TCG it runs QEMU.
const (
	// kvmWorks runs the guest, under TCG.
	kvmWorks = `exec "$qemu" "$@"`
	// kvmRefuses prints what QEMU prints if KVM opens but creates no machine.
	kvmRefuses = `echo "ioctl(KVM_CREATE_VM) failed: 16 Device or resource busy" >&2
		echo "qemu-system-x86_64: failed to initialize kvm: Device or resource busy" >&2; exit 1`
	// kvmStops does what QEMU does if KVM cannot emulate an instruction of the firmware: it dumps
	// the registers and pauses the machine.
	kvmStops = `printf 'KVM internal error. Suberror: 1\nemulation failure\nEAX=00000000 EBX=00000000\nCode=00 00 <ff> ff\n' >&2
		exec "$qemu" -S "$@"`
	kvmCrashes = `kill -SEGV $$`
	// kvmHangs runs another kernel, whose path follows.
	kvmHangs = `exec "$qemu" "$@" -kernel `
)

// qemuUnderKVM writes a program that replaces QEMU and writes a line to log for each guest that
// should run under KVM.
func qemuUnderKVM(t *testing.T, qemu, log, does string) string {
	t.Helper()
	script := "#!/bin/sh\nqemu=" + qemu + "\ncase \" $* \" in *' -accel kvm '*)\necho tried >>" + log + "\n" +
		`for a; do shift; test "$a" = kvm && a=tcg; set -- "$@" "$a"; done` + "\n" + does + "\nesac\n" + `exec "$qemu" "$@"` + "\n"
	return executable(t, script)
}

// executable writes a script that replaces QEMU.
func executable(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != filepath.Dir(d); d = filepath.Dir(d) { // under TCG the user nobody runs it
		info, err := os.Stat(d)
		require.NoError(t, err)
		if info.Mode().Perm()&0o001 == 0 {
			require.NoError(t, os.Chmod(d, 0o755))
		}
	}
	path := filepath.Join(dir, arch.Default().QEMU)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

// Each way in which a KVM device that opens can fail a guest, and one that works.
func TestTrial(t *testing.T) {
	for _, tc := range []struct {
		name, does, kernel string // kernel other than the good one
		want, reason       string
		kept               bool
	}{
		{"it works", kvmWorks, "", accel.KVM, "a guest booted to its end under KVM", true},
		{"it creates no machine", kvmRefuses, "", accel.TCG,
			"qemu-failed (QEMU exited with status 1: qemu-system-x86_64: failed to initialize kvm: Device or resource busy)", false},
		{"the guest hangs", kvmHangs + tinyKernel(t, "", spins), "", accel.TCG, "silent (no console byte and no event in 3s)", true},
		{"the kernel hangs", kvmHangs + tinyKernel(t, "Linux version 0.0 by hand\n", spins), "", accel.TCG,
			"hung (no progress for 3s, in the kernel, before init", true},
		{"the guest is reset", kvmHangs + tinyKernel(t, "", resets), "", accel.TCG,
			"silent (the machine was reset before the first console byte)", true},
		{"the firmware is not emulated", kvmStops, "", accel.TCG,
			"silent (no console byte and no event in 3s); QEMU said: KVM internal error. Suberror: 1", true},
		{"QEMU crashes", kvmCrashes, "", accel.TCG, "qemu-failed (QEMU was killed by SIGSEGV", false},
		{"the kernel is at fault", kvmWorks, tinyKernel(t, "", resets), accel.TCG,
			"first console byte); it fails under TCG too: silent (the machine was reset", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := run.Options{Accel: accel.Options{Want: "auto", Device: fileOf(t, "kvm", nil)}}
			runner, _, log := underKVM(t, o, tc.does)
			noNet, err := kconfigs.Lookup("no-net")
			require.NoError(t, err)
			kernels, err := runner.Build(t.Context(), []kconfigs.Profile{noNet})
			require.NoError(t, err)
			if tc.kernel != "" {
				kernels[0].Boot = tc.kernel
			}
			for try := range 2 {
				start := time.Now()
				got, err := runner.Accelerator(t.Context(), kernels[0])
				require.NoError(t, err)
				assert.Equal(t, tc.want, got.Name)
				assert.Contains(t, got.Reason, tc.reason)
				if try == 1 && tc.kept {
					assert.Less(t, time.Since(start), time.Second, "no limit is waited for twice")
				}
				t.Logf("%.1f s: %s", time.Since(start).Seconds(), got.Reason)
			}
			tried, err := os.ReadFile(log)
			require.NoError(t, err)
			assert.Equal(t, map[bool]int{true: 1, false: 2}[tc.kept], strings.Count(string(tried), "\n"))
		})
	}
}
