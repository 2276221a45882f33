package accel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

// options gives a device that opens, an empty cache, and a trial that ends in err.
func options(t *testing.T, err error) (Options, *int) {
	t.Helper()
	t.Setenv(Env, "")
	c, cerr := cache.Open(t.TempDir())
	require.NoError(t, cerr)
	device := filepath.Join(t.TempDir(), "kvm")
	require.NoError(t, os.WriteFile(device, nil, 0o600))
	tried := 0
	return Options{Device: device, Cache: c, QEMU: "7.2", Trial: func(context.Context) error {
		tried++
		return err
	}}, &tried
}

func TestKVMIsUsedOnlyAfterABoot(t *testing.T) {
	o, tried := options(t, nil)
	for range 2 {
		got, err := Choose(context.Background(), o)
		require.NoError(t, err)
		assert.Equal(t, Choice{KVM, "a guest booted to its end under KVM"}, got)
	}
	assert.Equal(t, 1, *tried, "the verdict is kept")
}

func TestADeviceThatOpensProvesNothing(t *testing.T) {
	o, tried := options(t, errors.New("silent (no console byte in 3s)"))
	for range 2 {
		got, err := Choose(context.Background(), o)
		require.NoError(t, err)
		assert.Equal(t, TCG, got.Name)
		assert.Contains(t, got.Reason, "opens, but a guest does not boot under it: silent")
	}
	assert.Equal(t, 1, *tried, "the verdict is kept")
}

func TestVerdictHoldsForOneQEMUAndOneDevice(t *testing.T) {
	o, tried := options(t, nil)
	choose := func() {
		_, err := Choose(context.Background(), o)
		require.NoError(t, err)
	}
	choose()
	o.QEMU = "9.0"
	choose()
	assert.Equal(t, 2, *tried)
	require.NoError(t, os.Chmod(o.Device, 0o660))
	choose()
	assert.Equal(t, 3, *tried)
	require.NoError(t, os.WriteFile(filepath.Join(o.Cache.Dir, "accel.json"), []byte(`{"key":`), 0o644))
	choose()
	assert.Equal(t, 4, *tried, "a damaged verdict is none")
}

func TestWithoutTrial(t *testing.T) {
	o, _ := options(t, nil)
	trial := o.Trial
	o.Trial = nil
	got, err := Choose(context.Background(), o)
	require.NoError(t, err)
	assert.Empty(t, got.Name, "nobody knows yet")
	o.Trial = trial
	_, err = Choose(context.Background(), o)
	require.NoError(t, err)
	o.Trial = nil
	got, err = Choose(context.Background(), o)
	require.NoError(t, err)
	assert.Equal(t, KVM, got.Name)
}

func TestNoDevice(t *testing.T) {
	o, tried := options(t, nil)
	for device, reason := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "there is no ",
		t.TempDir():                        "does not open: ",
	} {
		o.Device = device
		got, err := Choose(context.Background(), o)
		require.NoError(t, err)
		assert.Equal(t, TCG, got.Name)
		assert.Contains(t, got.Reason, reason)
	}
	assert.Zero(t, *tried)
}

func TestAskedFor(t *testing.T) {
	o, tried := options(t, errors.New("never called"))
	for _, name := range []string{KVM, TCG} {
		o.Want = name
		got, err := Choose(context.Background(), o)
		require.NoError(t, err)
		assert.Equal(t, Choice{name, "asked for"}, got)
	}
	o.Want = ""
	t.Setenv(Env, TCG)
	got, err := Choose(context.Background(), o)
	require.NoError(t, err)
	assert.Equal(t, Choice{TCG, "asked for"}, got)
	t.Setenv(Env, "xen")
	_, err = Choose(context.Background(), o)
	assert.EqualError(t, err, `accelerator "xen": want auto, kvm or tcg`)
	assert.Zero(t, *tried)
}

func TestInterruptedTrialIsNoVerdict(t *testing.T) {
	o, _ := options(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	o.Trial = func(context.Context) error { cancel(); return ctx.Err() }
	_, err := Choose(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, filepath.Join(o.Cache.Dir, "accel.json"))
}
