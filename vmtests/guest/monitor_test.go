package guest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Messages of QEMU 7.2, shortened.
const (
	greets   = `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}` + "\r\n"
	ready    = `{"return": {}}` + "\r\n"
	opens    = `{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "VSERPORT_CHANGE", "data": {"open": true, "id": "channel0"}}` + "\r\n"
	resetsIt = `{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}` + "\r\n"
	told     = `{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": false, "reason": "host-signal"}}` + "\r\n"
)

func TestMonitor(t *testing.T) {
	for name, tc := range map[string]struct {
		said string
		quit bool
	}{
		"nothing":            {"", true},
		"not QEMU":           {"hello\n" + greets + ready + resetsIt, true},
		"a guest that reset": {greets + ready + opens + resetsIt, false},
		"one that reset before QEMU reported events": {greets, false},
		"QEMU ended by itself":                       {greets + ready + opens, true},
		"QEMU was told to end":                       {greets + ready + told, true},
		"too much":                                   {greets + ready + strings.Repeat(" ", maxMonitor) + resetsIt, true},
		"cut off":                                    {greets + ready + resetsIt[:50], true},
	} {
		m := &monitor{}
		m.read(strings.NewReader(tc.said))
		assert.Equal(t, tc.quit, m.quit(), name)
	}
}
