// Package accel decides whether guests run under KVM or under TCG, QEMU's own
// emulation. It runs on the host.
//
// Even if /dev/kvm exists, opens and creates virtual machines, every guest may hang or crash on
// some hosts, nested ones above all. So KVM is used only after a guest has booted to its end under
// it. That result is kept until the host restarts or QEMU, the device or the user changes; the
// result that no guest boots is kept for a day.
package accel

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// Choice is an accelerator and why it was chosen. Name is empty if KVM looks usable but no
// guest has been tried yet.
type Choice struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	// Asked is set if the user asked for it.
	Asked bool `json:"asked,omitempty"`
	// Until is when a kept result that rules out KVM expires; zero if there is none.
	Until time.Time `json:"until,omitzero"`
}

// Options say how to choose.
type Options struct {
	// Want is kvm, tcg or auto; empty means NETSTRIP_ACCEL, or auto.
	Want string
	// Device is the KVM device; empty means /dev/kvm.
	Device string
	// Cache keeps the result.
	Cache *cache.Cache
	// QEMU is QEMU's version; a result is valid for one version.
	QEMU string
	// Foreign is the name of the guest's architecture if it is not this machine's: then only TCG
	// emulates it.
	Foreign string
	// Trial boots a guest under KVM and returns nil if it completed. Without a Trial only a kept
	// result can choose KVM.
	Trial func(context.Context) error
	// Again runs the trial even if a result is kept.
	Again bool
}

// retryAfter is how long the result that no guest boots is kept. Later another hypervisor may have
// ended, or the one beneath this host may have been fixed.
const retryAfter = 24 * time.Hour

// Unsettled is the error of a trial that says nothing about the next one: QEMU refused or died,
// perhaps because another hypervisor held the processor, or the kernel was at fault. It rules out
// KVM this time and is not kept.
type Unsettled struct{ Err error }

// Error returns the message of Err.
func (u Unsettled) Error() string { return u.Err.Error() }

// result is the kept result of a trial.
type result struct {
	Key    string `json:"key"`
	Usable bool   `json:"usable"`
	Reason string `json:"reason"`
	// Time is when the trial ended.
	Time time.Time `json:"time"`
}

// Check returns an error for a Want that is not an accelerator, or that cannot run the guests.
func (o Options) Check() error {
	switch want := cmp.Or(o.Want, os.Getenv(Env)); {
	case want == KVM && o.Foreign != "":
		return fmt.Errorf("accelerator kvm: this machine cannot run %s guests under KVM: want auto or tcg", o.Foreign)
	case slices.Contains([]string{"", "auto", KVM, TCG}, want):
		return nil
	default:
		return fmt.Errorf("accelerator %q: want auto, kvm or tcg", want)
	}
}

// Choose chooses the accelerator. It fails on a wrong Want or when ctx is done.
func Choose(ctx context.Context, o Options) (Choice, error) {
	if err := o.Check(); err != nil {
		return Choice{}, err
	}
	o.Want, o.Device = cmp.Or(o.Want, os.Getenv(Env)), cmp.Or(o.Device, usualDevice)
	if o.Foreign != "" {
		return Choice{Name: TCG, Reason: "this machine emulates " + o.Foreign}, nil
	}
	if o.Want == KVM || o.Want == TCG {
		return Choice{Name: o.Want, Reason: "asked for", Asked: true}, nil
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
		return Choice{Reason: o.Device + " opens; the first boot decides whether guests run under it"}, nil
	}
	err = o.Trial(ctx)
	if ctx.Err() != nil {
		return Choice{}, ctx.Err()
	}
	v := o.result(err)
	if _, unsettled := errors.AsType[Unsettled](err); unsettled {
		return Choice{Name: TCG, Reason: v.Reason}, nil
	}
	return v.choice(), o.keep(v)
}

// Learn keeps the result of a boot under KVM that the user asked for: err is nil if the guest
// completed.
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
	return o.keep(o.result(err))
}

const usualDevice = "/dev/kvm"

func (o Options) path() string { return filepath.Join(o.Cache.Dir, "accel.json") }

// result returns the result of a trial that ended in err.
func (o Options) result(err error) result {
	v := result{Key: o.key(), Usable: err == nil, Reason: "a guest booted to its end under KVM", Time: time.Now().UTC()}
	if err != nil {
		v.Reason = fmt.Sprintf("%s opens, but a guest does not boot under it: %v", o.Device, err)
	}
	return v
}

func (o Options) keep(v result) error {
	data, err := json.Marshal(v)
	if err == nil {
		err = cache.WriteFile(o.path(), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the result of the KVM trial: %w", err)
	}
	return nil
}

func (v result) choice() Choice {
	if v.Usable {
		return Choice{Name: KVM, Reason: v.Reason}
	}
	return Choice{Name: TCG, Reason: v.Reason, Until: v.Time.Add(retryAfter)}
}

// unusable says why a device cannot even be tried; "" if it can.
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
		return device + " is busy: stop the program that holds it, such as another hypervisor"
	}
	return fmt.Sprintf("%s does not open: %v", device, err)
}

// key identifies what a result is valid for: this start of the host, QEMU, device and user.
func (o Options) key() string {
	bootID, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var st syscall.Stat_t
	_ = syscall.Stat(o.Device, &st)
	return fmt.Sprintf("boot %s, qemu %s, device %d:%d mode %o, uid %d",
		strings.TrimSpace(string(bootID)), o.QEMU, st.Rdev, st.Ino, st.Mode, os.Geteuid())
}

// kept returns the result in a file if it is still valid. Setting the clock back does not
// prolong it.
func kept(path, key string, now time.Time) (result, bool) {
	data, err := file.Read(path, 1<<20)
	if err != nil {
		return result{}, false
	}
	var v result
	if json.Unmarshal(data, &v) != nil || v.Key != key {
		return result{}, false
	}
	age := now.Sub(v.Time)
	return v, v.Usable || age >= 0 && age < retryAfter
}
