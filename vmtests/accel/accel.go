// Package accel decides whether guests run under KVM or under TCG, QEMU's own
// emulation. It runs on the host.
//
// A /dev/kvm that exists, opens, and even makes virtual machines proves nothing:
// there are hosts on which every guest then hangs or crashes, nested ones above all.
// So KVM is used only when a guest has been booted under it to its end, and the
// verdict is kept for as long as the host has not been restarted and neither QEMU
// nor the device nor the user has changed; that no guest boots, for a day.
package accel

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
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
	// Asked: nobody chose, it was asked for.
	Asked bool `json:"asked,omitempty"`
	// Until is when a kept verdict that rules KVM out ends; zero where there is none.
	Until time.Time `json:"until,omitzero"`
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
	// Again tries, whatever verdict is kept.
	Again bool
}

// retryAfter is how long it holds that no guest boots under KVM: another hypervisor may
// have gone, or the one beneath this host been mended.
const retryAfter = 24 * time.Hour

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
	// Time is when it was reached.
	Time time.Time `json:"time"`
}

// Choose chooses the accelerator. The error is a wrong Want, or ctx's.
func Choose(ctx context.Context, o Options) (Choice, error) {
	if o.Want == "" {
		o.Want = os.Getenv(Env)
	}
	o.Device = cmp.Or(o.Device, usualDevice)
	switch o.Want {
	case KVM, TCG:
		return Choice{Name: o.Want, Reason: "asked for", Asked: true}, nil
	case "", "auto":
	default:
		return Choice{}, fmt.Errorf("accelerator %q: want auto, kvm or tcg", o.Want)
	}
	if reason := unusable(o.Device); reason != "" {
		return Choice{Name: TCG, Reason: reason}, nil
	}
	lock, err := o.Cache.Lock(ctx, "accel")
	if err != nil {
		return Choice{}, err
	}
	defer lock.Close()
	if v, ok := kept(o.path(), o.key(), time.Now()); ok && !o.Again {
		return v.choice(), nil
	}
	if o.Trial == nil {
		return Choice{Reason: o.Device + " opens; whether guests run under it is decided by the first boot"}, nil
	}
	err = o.Trial(ctx)
	if ctx.Err() != nil {
		return Choice{}, ctx.Err()
	}
	v := o.verdict(err)
	if _, unsettled := errors.AsType[Unsettled](err); unsettled {
		return Choice{Name: TCG, Reason: v.Reason}, nil
	}
	return v.choice(), o.keep(v)
}

// Learn keeps what a boot under KVM that was asked for has shown: err is nil when the guest
// came to its end. What is known already is not written again.
func Learn(ctx context.Context, o Options, err error) error {
	o.Device = cmp.Or(o.Device, usualDevice)
	lock, lockErr := o.Cache.Lock(ctx, "accel")
	if lockErr != nil {
		return lockErr
	}
	defer lock.Close()
	if v, ok := kept(o.path(), o.key(), time.Now()); ok && v.Usable == (err == nil) {
		return nil
	}
	return o.keep(o.verdict(err))
}

const usualDevice = "/dev/kvm"

func (o Options) path() string { return filepath.Join(o.Cache.Dir, "accel.json") }

// verdict is what a boot that ended in err shows.
func (o Options) verdict(err error) verdict {
	v := verdict{Key: o.key(), Usable: err == nil, Reason: "a guest booted to its end under KVM", Time: time.Now().UTC()}
	if err != nil {
		v.Reason = fmt.Sprintf("%s opens, but a guest does not boot under it: %v", o.Device, err)
	}
	return v
}

func (o Options) keep(v verdict) error {
	data, err := json.Marshal(v)
	if err == nil {
		err = cache.WriteFile(o.path(), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the verdict on KVM: %w", err)
	}
	return nil
}

func (v verdict) choice() Choice {
	if v.Usable {
		return Choice{Name: KVM, Reason: v.Reason}
	}
	return Choice{Name: TCG, Reason: v.Reason, Until: v.Time.Add(retryAfter)}
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

// kept returns the verdict in a file, if it holds now: a clock that was set back makes none
// hold for longer.
func kept(path, key string, now time.Time) (verdict, bool) {
	data, err := file.Read(path, 1<<20)
	if err != nil {
		return verdict{}, false
	}
	var v verdict
	if json.Unmarshal(data, &v) != nil || v.Key != key {
		return verdict{}, false
	}
	age := now.Sub(v.Time)
	return v, v.Usable || age >= 0 && age < retryAfter
}
