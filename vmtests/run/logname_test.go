package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/vmtests/accel"
)

// Every boot has a console log of its own that can be written, whatever its ID.
func TestLogPathsFit(t *testing.T) {
	r := &Runner{opts: Options{Results: filepath.Join(t.TempDir(), "r.jsonl")}}
	require.NoError(t, os.Mkdir(filepath.Join(filepath.Dir(r.opts.Results), "console"), 0o755))
	seen := map[string]bool{}
	for _, id := range []string{
		"run/full", "run/" + strings.Repeat("a-long-probe,", 40) + "1", "run/" + strings.Repeat("a-long-probe,", 40) + "2",
		"run/" + strings.Repeat("ä", 181), "run/" + strings.Repeat("x", 255),
	} {
		for range 2 { // the second is a repeated boot
			abs, rel := r.logPath(id)
			assert.False(t, seen[rel], rel)
			seen[rel] = true
			require.NoError(t, os.WriteFile(abs, nil, 0o644), id)
		}
	}
	assert.True(t, seen["console/run-full.log"], "a short name is not changed")
}

// Conditions name everything that an answer depends on apart from the kernel.
func TestConditions(t *testing.T) {
	of := func(change func(*Runner)) string {
		r := &Runner{opts: Options{MemoryMiB: 256}, ready: prepared{version: "7.2.17", accel: accel.Choice{Name: accel.TCG}, image: &initramfs.Image{Key: "k"}}}
		r.once.Do(func() {})
		change(r)
		text, err := r.Conditions(t.Context(), nil)
		require.NoError(t, err)
		return text
	}
	same := of(func(*Runner) {})
	assert.Equal(t, same, of(func(*Runner) {}))
	seen := map[string]bool{same: true}
	for name, change := range map[string]func(*Runner){
		"QEMU":        func(r *Runner) { r.ready.version = "9.0" },
		"accelerator": func(r *Runner) { r.ready.accel.Name = accel.KVM },
		"memory":      func(r *Runner) { r.opts.MemoryMiB = 512 },
		"initramfs":   func(r *Runner) { r.ready.image = &initramfs.Image{Key: "l"} },
		"disk":        func(r *Runner) { r.opts.Disk = &image.Disk{Key: "d"} },
	} {
		text := of(change)
		assert.False(t, seen[text], "%s is not in %q", name, text)
		seen[text] = true
	}
}
