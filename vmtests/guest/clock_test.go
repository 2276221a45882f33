package guest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/accel"
)

// The measured speed does not depend on the span, and is between 100 MHz and 10 GHz, as on any
// processor.
func TestCounter(t *testing.T) {
	if counter() == 0 {
		t.Skip("this processor has no time stamp counter")
	}
	short, long := counterKHz(5*time.Millisecond), counterKHz(50*time.Millisecond)
	assert.InEpsilon(t, long, short, 0.005)
	assert.Greater(t, long, int64(100_000))
	assert.Less(t, long, int64(10_000_000))
	assert.Len(t, ClockArgs(arch.All()[0], accel.TCG), 1)
	assert.Empty(t, ClockArgs(arch.All()[0], accel.KVM), "the kernel measures it")
}
