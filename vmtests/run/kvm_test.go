package run

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
)

func TestBlamesKVM(t *testing.T) {
	asked, chosen := prepared{accel: accel.Choice{Name: accel.KVM, Asked: true}}, prepared{accel: accel.Choice{Name: accel.KVM}}
	for _, o := range []record.Outcome{record.Silent, record.Hung, record.Reset, record.TimedOut} {
		assert.True(t, blamesKVM(asked, guest.Result{Outcome: o, Hello: &wire.Hello{}}), o)
		assert.True(t, blamesKVM(chosen, guest.Result{Outcome: o}), o)
		assert.False(t, blamesKVM(chosen, guest.Result{Outcome: o, Hello: &wire.Hello{}}), "%s: guests have been seen to run", o)
		assert.False(t, blamesKVM(prepared{accel: accel.Choice{Name: accel.TCG}}, guest.Result{Outcome: o}), o)
	}
	for _, o := range []record.Outcome{record.Completed, record.Panicked, record.InitFailed, record.QEMUFailed, record.ImageFailed} {
		assert.False(t, blamesKVM(asked, guest.Result{Outcome: o}), o)
	}
}
