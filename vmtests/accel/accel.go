// Package accel decides whether guests run under KVM or under TCG, QEMU's own
// emulation. It runs on the host.
//
// A /dev/kvm that exists, opens, and even makes virtual machines proves nothing:
// there are hosts on which every guest then hangs or crashes, nested ones above all.
// So KVM is used only when a guest has been booted under it to its end, and the
// verdict is kept for as long as the host has not been restarted and neither QEMU
// nor the device nor the user has changed.
package accel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

// The accelerators.
const (
	KVM = "kvm"
	TCG = "tcg"
)

// Env names the variable that overrides the choice: kvm, tcg or auto.
const Env = "NETSTRIP_ACCEL"

// Choice is an accelerator and why it was chosen. Name is empty when KVM looks
// usable but no guest has been tried yet.
type Choice struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Options say how to choose.
type Options struct {
	// Want is kvm, tcg, or auto; empty means what NETSTRIP_ACCEL says, or auto.
	Want string
	// Device is the KVM device; empty means /dev/kvm.
	Device string
	// Cache keeps the verdict.
	Cache *cache.Cache
	// QEMU is QEMU's version; a verdict holds for one version.
	QEMU string
	// Trial boots a guest under KVM and returns nil when it came to its end. Without
	// it only a kept verdict can choose KVM.
	Trial func(context.Context) error
}

// Unsettled is the error of a trial that tells nothing about the next one: QEMU refused
// or died, because another hypervisor had the processor perhaps, or the kernel was at
// fault. It rules KVM out this time and is not kept.
type Unsettled struct{ Err error }

// Error is the error's own.
func (u Unsettled) Error() string { return u.Err.Error() }

// verdict is what is kept of a trial.
type verdict struct {
	Key    string `json:"key"`
	Usable bool   `json:"usable"`
	Reason string `json:"reason"`
}

// Choose chooses the accelerator. The error is a wrong Want, or ctx's.
func Choose(ctx context.Context, o Options) (Choice, error) {
	if o.Want == "" {
		o.Want = os.Getenv(Env)
	}
	if o.Device == "" {
		o.Device = "/dev/kvm"
	}
	switch o.Want {
	case KVM, TCG:
		return Choice{o.Want, "asked for"}, nil
	case "", "auto":
	default:
		return Choice{}, fmt.Errorf("accelerator %q: want auto, kvm or tcg", o.Want)
	}
	if reason := unusable(o.Device); reason != "" {
		return Choice{TCG, reason}, nil
	}
	lock, err := o.Cache.Lock(ctx, "accel")
	if err != nil {
		return Choice{}, err
	}
	defer lock.Close()
	key, path := o.key(), filepath.Join(o.Cache.Dir, "accel.json")
	if v, ok := kept(path, key); ok {
		return v.choice(), nil
	}
	if o.Trial == nil {
		return Choice{"", o.Device + " opens; whether guests run under it is decided by the first boot"}, nil
	}
	v := verdict{Key: key, Usable: true, Reason: "a guest booted to its end under KVM"}
	if err := o.Trial(ctx); err != nil {
		if ctx.Err() != nil {
			return Choice{}, ctx.Err()
		}
		v.Usable, v.Reason = false, fmt.Sprintf("%s opens, but a guest does not boot under it: %v", o.Device, err)
		if _, unsettled := errors.AsType[Unsettled](err); unsettled {
			return v.choice(), nil
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return Choice{}, fmt.Errorf("keeping the verdict on KVM: %w", err)
	}
	if err := cache.WriteFile(path, append(data, '\n')); err != nil {
		return Choice{}, fmt.Errorf("keeping the verdict on KVM: %w", err)
	}
	return v.choice(), nil
}

func (v verdict) choice() Choice {
	if v.Usable {
		return Choice{KVM, v.Reason}
	}
	return Choice{TCG, v.Reason}
}

// unusable says why a device cannot even be tried; "" when it can.
func unusable(device string) string {
	f, err := os.OpenFile(device, os.O_RDWR|syscall.O_CLOEXEC, 0)
	switch {
	case err == nil:
		f.Close()
		return ""
	case errors.Is(err, os.ErrNotExist):
		return "there is no " + device + ": load kvm_intel or kvm_amd, or give the container the device"
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		return "there is no KVM behind " + device + ": load kvm_intel or kvm_amd"
	case errors.Is(err, os.ErrPermission):
		return "no permission to open " + device + ": join its group, which is usually kvm"
	case errors.Is(err, syscall.EBUSY):
		return device + " is busy: end what has it to itself, such as another hypervisor"
	}
	return fmt.Sprintf("%s does not open: %v", device, err)
}

// key is what a verdict holds for: this start of this host, this QEMU, this device,
// this user.
func (o Options) key() string {
	bootID, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var st syscall.Stat_t
	_ = syscall.Stat(o.Device, &st)
	return fmt.Sprintf("boot %s, qemu %s, device %d:%d mode %o, uid %d",
		strings.TrimSpace(string(bootID)), o.QEMU, st.Rdev, st.Ino, st.Mode, os.Geteuid())
}

func kept(path, key string) (verdict, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return verdict{}, false
	}
	var v verdict
	if json.Unmarshal(data, &v) != nil || v.Key != key {
		return verdict{}, false
	}
	return v, true
}
