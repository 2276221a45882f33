package vmtests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/record"
)

// underKVM returns a rig that is to use KVM, which does with guests what the script says, and
// the file with a line for each boot under it.
func underKVM(t *testing.T, does string) (rig *Rig, log string) {
	t.Helper()
	rig = newTestRig(t)
	qemu, err := qemuPath()
	require.NoError(t, err)
	log = filepath.Join(t.TempDir(), "log")
	t.Setenv("PATH", filepath.Dir(qemuUnderKVM(t, qemu, log, does))+":"+os.Getenv("PATH"))
	rig.opts.Accel, rig.opts.Results = accel.KVM, filepath.Join(t.TempDir(), "r.jsonl")
	rig.store = record.Store{Path: rig.opts.Results}
	own, err := cache.Open(t.TempDir()) // what is learned of KVM here is not for others
	require.NoError(t, err)
	for _, kind := range []string{"initramfs", "kernel", "kernel-index", "source", "source-hash", "obj", "kconf"} {
		require.NoError(t, os.MkdirAll(filepath.Join(rig.cache.Dir, kind), 0o755))
		require.NoError(t, os.Symlink(filepath.Join(rig.cache.Dir, kind), filepath.Join(own.Dir, kind)))
	}
	rig.cache = own
	return rig, log
}

func bootUnderKVM(t *testing.T, rig *Rig, p kconfigs.Profile) record.Record {
	t.Helper()
	kernels, err := rig.Build(t.Context(), []kconfigs.Profile{p})
	require.NoError(t, err)
	records, err := rig.Boot(t.Context(), []kconfigs.Profile{p}, kernels)
	require.NoError(t, err)
	return records[0]
}

// KVM was asked for, and a kernel that completes under TCG does not get on under it: that
// says nothing about the kernel.
func TestKVMIsSuspected(t *testing.T) {
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		text string
		want record.Outcome
	}{
		"silent": {"", record.Silent},
		"reset":  {"Linux version 0.0 by hand\n", record.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			rig, log := underKVM(t, kvmHangs+tinyKernel(t, tc.text, resets))
			rec := bootUnderKVM(t, rig, noNet)
			assert.Equal(t, record.QEMUFailed, rec.Outcome)
			assert.Equal(t, string(tc.want)+" under KVM; the same kernel completed under TCG: suspect /dev/kvm", rec.Reason)
			assert.Contains(t, rec.Notices, "it completed under TCG in a boot to decide this")
			devs, err := Deviations(rec)
			require.NoError(t, err)
			assert.Len(t, devs, 1)
			choice, err := accel.Choose(t.Context(), accel.Options{Want: "auto", Cache: rig.cache, QEMU: rec.Machine.QEMU})
			require.NoError(t, err)
			assert.NotEqual(t, accel.KVM, choice.Name, "it is learned")

			rec = bootUnderKVM(t, rig, noNet)
			assert.Contains(t, rec.Reason, "suspect /dev/kvm", "TCG is not tried again")
			tried, err := os.ReadFile(log)
			require.NoError(t, err)
			want := 2
			if tc.want == record.Silent {
				want = silentTries + 1
			}
			assert.Equal(t, want, strings.Count(string(tried), "\n"), "once KVM is suspected, one try is enough")
		})
	}
}

// What is on record under TCG is not booted again: neither a kernel that completed there
// nor one that did not.
func TestKVMIsJudgedByTheRecord(t *testing.T) {
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	for outcome, want := range map[record.Outcome]record.Outcome{record.Completed: record.QEMUFailed, record.Hung: record.Silent} {
		rig, _ := underKVM(t, kvmHangs+tinyKernel(t, "", resets))
		kernels, err := rig.Build(t.Context(), []kconfigs.Profile{noNet})
		require.NoError(t, err)
		old := record.Record{Schema: record.Schema, ID: "old/no-net", Run: "old", Profile: "no-net", Outcome: outcome}
		old.Kernel.Key, old.Machine.Accel = kernels[0].Key, accel.TCG
		require.NoError(t, rig.store.Append(t.Context(), old))
		rec := bootUnderKVM(t, rig, noNet)
		assert.Equal(t, want, rec.Outcome)
		assert.Contains(t, strings.Join(rec.Notices, "\n"), "old/no-net")
	}
}

// A kernel that does not complete under TCG either is to blame.
func TestKVMIsNotToBlame(t *testing.T) {
	rig, _ := underKVM(t, kvmWorks)
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	kernels, err := rig.Build(t.Context(), []kconfigs.Profile{noNet})
	require.NoError(t, err)
	kernels[0].Boot = tinyKernel(t, "", resets)
	records, err := rig.Boot(t.Context(), []kconfigs.Profile{noNet}, kernels)
	require.NoError(t, err)
	rec := records[0]
	assert.Equal(t, record.Silent, rec.Outcome)
	assert.Contains(t, rec.Notices, "under TCG it does not complete either: silent in a boot to decide this")
}

// That a guest completed under a KVM that was asked for is learned.
func TestKVMIsLearned(t *testing.T) {
	rig, _ := underKVM(t, kvmWorks)
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	rec := bootUnderKVM(t, rig, noNet)
	require.Equal(t, record.Completed, rec.Outcome, rec.Reason)
	require.FileExists(t, filepath.Join(rig.cache.Dir, "accel.json"))
}

func TestBlamesKVM(t *testing.T) {
	asked, chosen := parts{accel: accel.Choice{Name: accel.KVM, Asked: true}}, parts{accel: accel.Choice{Name: accel.KVM}}
	for _, o := range []record.Outcome{record.Silent, record.Hung, record.Reset, record.TimedOut} {
		assert.True(t, blamesKVM(asked, result{outcome: o, hello: &wire.Hello{}}), o)
		assert.True(t, blamesKVM(chosen, result{outcome: o}), o)
		assert.False(t, blamesKVM(chosen, result{outcome: o, hello: &wire.Hello{}}), "%s: guests have been seen to run", o)
		assert.False(t, blamesKVM(parts{accel: accel.Choice{Name: accel.TCG}}, result{outcome: o}), o)
	}
	for _, o := range []record.Outcome{record.Completed, record.Panicked, record.InitFailed, record.QEMUFailed, record.ImageFailed} {
		assert.False(t, blamesKVM(asked, result{outcome: o}), o)
	}
}
