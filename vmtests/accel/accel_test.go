package accel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

// options returns a device that opens, an empty cache, and a trial that ends in err.
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
		assert.Equal(t, Choice{Name: KVM, Reason: "a guest booted to its end under KVM"}, got)
	}
	assert.Equal(t, 1, *tried, "the result is kept")
}

func TestADeviceThatOpensProvesNothing(t *testing.T) {
	o, tried := options(t, errors.New("silent (no console byte in 3s)"))
	for range 2 {
		got, err := Choose(context.Background(), o)
		require.NoError(t, err)
		assert.Equal(t, TCG, got.Name)
		assert.Contains(t, got.Reason, "opens, but a guest does not boot under it: silent")
	}
	assert.Equal(t, 1, *tried, "the result is kept")
}

func TestResultHoldsForOneQEMUAndOneDevice(t *testing.T) {
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
	path := filepath.Join(o.Cache.Dir, "accel.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"key":`), 0o644))
	choose()
	assert.Equal(t, 4, *tried, "a damaged result does not count")

	// From another machine, or from before a restart.
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	other := strings.Replace(string(data), strings.TrimSpace(string(boot)), "another", 1)
	require.NotEqual(t, string(data), other)
	require.NoError(t, os.WriteFile(path, []byte(other), 0o644))
	choose()
	assert.Equal(t, 5, *tried)
	choose()
	assert.Equal(t, 5, *tried)
}

func TestAnUnsettledTrialIsNotKept(t *testing.T) {
	o, tried := options(t, Unsettled{errors.New("failed to initialize kvm: Device or resource busy")})
	for range 2 {
		got, err := Choose(context.Background(), o)
		require.NoError(t, err)
		assert.Equal(t, Choice{Name: TCG, Reason: o.Device + " opens, but a guest does not boot under it: failed to initialize kvm: Device or resource busy"}, got)
	}
	assert.Equal(t, 2, *tried)
	assert.NoFileExists(t, filepath.Join(o.Cache.Dir, "accel.json"))
}

// The result that no guest boots is kept for a day, unless Again is set.
func TestAFailedTrialIsTriedAgain(t *testing.T) {
	o, tried := options(t, errors.New("silent"))
	choose := func() Choice {
		got, err := Choose(context.Background(), o)
		require.NoError(t, err)
		return got
	}
	first := choose()
	assert.WithinDuration(t, time.Now().Add(retryAfter), first.Until, time.Minute)
	assert.Equal(t, first, choose())
	assert.Equal(t, 1, *tried)
	o.Again = true
	choose()
	assert.Equal(t, 2, *tried)
	o.Again = false
	for age, again := range map[time.Duration]bool{retryAfter - time.Minute: false, retryAfter + time.Minute: true, -time.Hour: true} {
		v := o.result(errors.New("silent"))
		v.Time = time.Now().Add(-age)
		require.NoError(t, o.keep(v))
		before := *tried
		choose()
		assert.Equal(t, again, *tried > before, "%s old", age)
	}
	v := o.result(nil)
	v.Time = time.Now().Add(-30 * retryAfter)
	require.NoError(t, o.keep(v))
	assert.Equal(t, Choice{Name: KVM, Reason: v.Reason}, choose(), "a good result does not expire")
}

// A boot that was asked to use KVM counts as a trial.
func TestLearn(t *testing.T) {
	o, tried := options(t, errors.New("silent"))
	for _, err := range []error{nil, errors.New("hung"), nil} {
		require.NoError(t, Learn(context.Background(), o, err))
		got, cerr := Choose(context.Background(), o)
		require.NoError(t, cerr)
		assert.Equal(t, map[bool]string{true: KVM, false: TCG}[err == nil], got.Name)
	}
	assert.Zero(t, *tried)
}

func TestWithoutTrial(t *testing.T) {
	o, _ := options(t, nil)
	trial := o.Trial
	o.Trial = nil
	got, err := Choose(context.Background(), o)
	require.NoError(t, err)
	assert.Empty(t, got.Name, "it is not known yet")
	o.Trial = trial
	_, err = Choose(context.Background(), o)
	require.NoError(t, err)
	o.Trial = nil
	got, err = Choose(context.Background(), o)
	require.NoError(t, err)
	assert.Equal(t, KVM, got.Name)
}

// Devices that the kernel refuses to open, each for another reason.
func TestDeviceThatDoesNotOpen(t *testing.T) {
	dir := t.TempDir()
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	defer socket.Close()
	locked := filepath.Join(dir, "locked")
	require.NoError(t, os.WriteFile(locked, nil, 0o000))
	for device, reason := range map[string]string{
		dir + "/none":   "there is no " + dir + "/none: load kvm_intel",
		dir + "/socket": "there is no KVM behind " + dir + "/socket: load kvm_intel",
		locked:          "no permission to open " + locked + ": join its group",
		busy(t):         " is busy: stop the program that holds it",
		dir:             "does not open: ",
	} {
		o, tried := options(t, nil)
		o.Device = device
		var got Choice
		withoutRights(t, func() { got, err = Choose(context.Background(), o) })
		require.NoError(t, err)
		assert.Equal(t, TCG, got.Name)
		assert.Contains(t, got.Reason, reason)
		assert.Zero(t, *tried)
		assert.NoFileExists(t, filepath.Join(o.Cache.Dir, "accel.json"), "it costs nothing to find out again")
	}
}

// busy returns a device that another program holds exclusively: a terminal (TIOCEXCL, see
// tty_reopen() in drivers/tty/tty_io.c).
func busy(t *testing.T) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	path := fmt.Sprintf("/dev/pts/%d", n)
	slave, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { slave.Close() })
	require.NoError(t, unix.IoctlSetInt(int(slave.Fd()), unix.TIOCEXCL, 0))
	return path
}

// withoutRights calls do on a thread without capabilities, which ends after that.
func withoutRights(t *testing.T, do func()) {
	t.Helper()
	var err error
	var thread sync.WaitGroup
	thread.Go(func() {
		runtime.LockOSThread()
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err = unix.Capset(&head, &none[0]); err == nil {
			do()
		}
	})
	thread.Wait()
	require.NoError(t, err)
}

func TestAskedFor(t *testing.T) {
	o, tried := options(t, errors.New("never called"))
	for _, name := range []string{KVM, TCG} {
		o.Want = name
		got, err := Choose(context.Background(), o)
		require.NoError(t, err)
		assert.Equal(t, Choice{Name: name, Reason: "asked for", Asked: true}, got)
	}
	o.Want = ""
	t.Setenv(Env, TCG)
	got, err := Choose(context.Background(), o)
	require.NoError(t, err)
	assert.Equal(t, Choice{Name: TCG, Reason: "asked for", Asked: true}, got)
	t.Setenv(Env, "xen")
	_, err = Choose(context.Background(), o)
	assert.EqualError(t, err, `accelerator "xen": want auto, kvm or tcg`)
	assert.Zero(t, *tried)
}

func TestInterruptedTrialIsNoResult(t *testing.T) {
	o, _ := options(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	o.Trial = func(context.Context) error { cancel(); return ctx.Err() }
	_, err := Choose(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, filepath.Join(o.Cache.Dir, "accel.json"))
}

func TestForeign(t *testing.T) {
	o := Options{Foreign: "arm64", Want: KVM}
	require.EqualError(t, o.Check(), "accelerator kvm: this machine cannot run arm64 guests under KVM: want auto or tcg")
	o.Want = "auto"
	got, err := Choose(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, Choice{Name: TCG, Reason: "this machine emulates arm64"}, got)
}
