package vmtests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// underKVM returns a runner with its own cache, which shares only what is built, not results about
// KVM. Guests that would run under KVM run the script instead, which writes a line to log for
// each.
func underKVM(t *testing.T, o run.Options, does string) (runner *run.Runner, own *cache.Cache, log string) {
	t.Helper()
	qemu, err := exec.LookPath(arch.Default().QEMU)
	require.NoError(t, err)
	log = filepath.Join(t.TempDir(), "log")
	t.Setenv("PATH", filepath.Dir(qemuUnderKVM(t, qemu, log, does))+":"+os.Getenv("PATH"))
	all, err := cache.Open("")
	require.NoError(t, err)
	own, err = cache.Open(t.TempDir())
	require.NoError(t, err)
	for _, kind := range []string{"initramfs", "kernel", "kernel-index", "source", "source-hash", "obj", "kconf"} {
		require.NoError(t, os.MkdirAll(filepath.Join(all.Dir, kind), 0o755))
		require.NoError(t, os.Symlink(filepath.Join(all.Dir, kind), filepath.Join(own.Dir, kind)))
	}
	o.Cache, o.Results = own.Dir, filepath.Join(t.TempDir(), "r.jsonl")
	return newTestRunner(t, o), own, log
}

// askedFor are the options of a user who asks for KVM.
var askedFor = run.Options{Accel: accel.Options{Want: accel.KVM}}

func bootUnderKVM(t *testing.T, runner *run.Runner, p kconfigs.Profile) record.Record {
	t.Helper()
	kernels, err := runner.Build(t.Context(), []kconfigs.Profile{p})
	require.NoError(t, err)
	records, err := runner.Boot(t.Context(), []kconfigs.Profile{p}, kernels)
	require.NoError(t, err)
	return records[0]
}

// If KVM was asked for, and a kernel fails under it but completes under TCG, KVM is at fault.
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
			runner, own, log := underKVM(t, askedFor, kvmHangs+tinyKernel(t, tc.text, resets))
			rec := bootUnderKVM(t, runner, noNet)
			assert.Equal(t, record.QEMUFailed, rec.Outcome)
			assert.Equal(t, string(tc.want)+" under KVM; the same kernel completed under TCG: suspect /dev/kvm", rec.Reason)
			assert.Contains(t, rec.Notices, "it completed under TCG in a boot to decide this")
			devs, err := expect.Deviations(rec)
			require.NoError(t, err)
			assert.Len(t, devs, 1)
			choice, err := accel.Choose(t.Context(), accel.Options{Want: "auto", Cache: own, QEMU: rec.Machine.QEMU})
			require.NoError(t, err)
			assert.NotEqual(t, accel.KVM, choice.Name, "the result is kept")

			rec = bootUnderKVM(t, runner, noNet)
			assert.Contains(t, rec.Reason, "suspect /dev/kvm", "TCG is not tried again")
			tried, err := os.ReadFile(log)
			require.NoError(t, err)
			want := 2
			if tc.want == record.Silent {
				want = 3 + 1
			}
			assert.Equal(t, want, strings.Count(string(tried), "\n"), "once KVM is suspected, one try is enough")
		})
	}
}

// A kernel with a record under TCG is not booted there again, whether it completed or not.
func TestKVMIsJudgedByTheRecord(t *testing.T) {
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	for outcome, want := range map[record.Outcome]record.Outcome{record.Completed: record.QEMUFailed, record.Hung: record.Silent} {
		runner, _, _ := underKVM(t, askedFor, kvmHangs+tinyKernel(t, "", resets))
		kernels, err := runner.Build(t.Context(), []kconfigs.Profile{noNet})
		require.NoError(t, err)
		old := record.Record{Schema: record.Schema, ID: "old/no-net", Run: "old", Profile: "no-net", Outcome: outcome}
		old.Kernel.Key, old.Machine.Accel = kernels[0].Key, accel.TCG
		require.NoError(t, record.Store{Path: runner.Results()}.Append(t.Context(), old))
		rec := bootUnderKVM(t, runner, noNet)
		assert.Equal(t, want, rec.Outcome)
		assert.Contains(t, strings.Join(rec.Notices, "\n"), "old/no-net")
	}
}

// A kernel that fails under TCG too is at fault itself.
func TestKVMIsNotToBlame(t *testing.T) {
	runner, _, _ := underKVM(t, askedFor, kvmWorks)
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	kernels, err := runner.Build(t.Context(), []kconfigs.Profile{noNet})
	require.NoError(t, err)
	kernels[0].Boot = tinyKernel(t, "", resets)
	records, err := runner.Boot(t.Context(), []kconfigs.Profile{noNet}, kernels)
	require.NoError(t, err)
	rec := records[0]
	assert.Equal(t, record.Silent, rec.Outcome)
	assert.Contains(t, rec.Notices, "under TCG it does not complete either: silent in a boot to decide this")
}

// The result of a guest that completed under KVM on request is kept.
func TestKVMIsLearned(t *testing.T) {
	runner, own, _ := underKVM(t, askedFor, kvmWorks)
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	rec := bootUnderKVM(t, runner, noNet)
	require.Equal(t, record.Completed, rec.Outcome, rec.Reason)
	require.FileExists(t, filepath.Join(own.Dir, "accel.json"))
}
