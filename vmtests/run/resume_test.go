package run

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/record"
)

// A run with applications resumes only with the same ones on the same disk, and one without only
// without.
func TestResumeAsksTheSame(t *testing.T) {
	none := &Runner{}
	redis := &Runner{opts: Options{Apps: []wire.App{{ID: "app/redis/unix"}}, Disk: &image.Disk{Key: "a"}}}
	newer := &Runner{opts: Options{Apps: redis.opts.Apps, Disk: &image.Disk{Key: "b"}}}
	nginx := &Runner{opts: Options{Apps: []wire.App{{ID: "app/nginx/unix"}}, Disk: redis.opts.Disk}}
	for name, tc := range map[string]struct {
		began, now *Runner
		want       error
		says       string
	}{
		"probes":              {none, none, nil, ""},
		"applications":        {redis, redis, nil, ""},
		"now without":         {redis, none, ErrOther, "use netstrip apps --resume"},
		"now with":            {none, redis, ErrOther, "use netstrip run --resume"},
		"other packages":      {redis, newer, ErrChanged, "start a new run"},
		"another application": {redis, nginx, ErrChanged, "start a new run"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.now.sameApps(&record.Run{Plan: record.Plan{Apps: tc.began.appsKey()}})
			assert.ErrorIs(t, err, tc.want)
			if tc.want != nil {
				assert.ErrorContains(t, err, tc.says)
			}
		})
	}
}

// A run continues with the source and the architecture that it began with, whatever the environment
// says, unless the command names another source.
func TestResumeTakesUp(t *testing.T) {
	results := filepath.Join(t.TempDir(), "results.jsonl")
	began := ref.Origin{Arch: "x86_64", Series: "6.1", Source: "/src/linux"}
	store := record.Store{Path: results}
	run, err := store.Begin(t.Context(), record.Plan{Run: "a", Origin: &began, Boots: []record.Boot{{ID: "a/full", Profile: "full"}}})
	require.NoError(t, err)
	require.NoError(t, run.Close())
	t.Setenv(arch.Env, "riscv64")
	for name, tc := range map[string]struct {
		given, want source.Options
		says        string
	}{
		"nothing":              {want: source.Options{Arch: "x86_64", Series: "6.1", Path: "/src/linux"}},
		"the same":             {given: source.Options{Arch: "amd64", Series: "6.1"}, want: source.Options{Arch: "x86_64", Series: "6.1", Path: "/src/linux"}},
		"another tree":         {given: source.Options{Path: "/moved"}, want: source.Options{Arch: "x86_64", Series: "6.1", Path: "/moved"}},
		"another architecture": {given: source.Options{Arch: "arm64"}, says: "resuming a: its kernels are for x86_64: omit --arch arm64"},
		"another series":       {given: source.Options{Series: "7.3"}, says: "resuming a: its kernels are of series 6.1: omit --series and NETSTRIP_SERIES, which name 7.3"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Results: results, Source: tc.given}
			err := o.TakeUp()
			if tc.says != "" {
				require.EqualError(t, err, tc.says)
				return
			}
			if process.Missing(err) && os.Getenv("NETSTRIP_REQUIRE_VM") == "" {
				t.Skipf("NOT TESTED without QEMU: %v", err)
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, o.Source)
		})
	}
	o := Options{Results: results + "-none"}
	_ = o.TakeUp()
	assert.Empty(t, o.Source)
}
