package guest

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/vmtests/console"
)

// Each limit, just met and just passed.
func TestVerdict(t *testing.T) {
	l := Limits{Silent: 1 * time.Second, Stuck: 10 * time.Second, Total: 100 * time.Second, Leave: 5 * time.Second, Dying: 3 * time.Second}
	for _, tc := range []struct {
		name  string
		set   func(*watchdog, time.Time)
		limit time.Duration
		want  console.Killed
	}{
		{"silent", func(*watchdog, time.Time) {}, l.Silent, console.KilledSilent},
		{"silent after firmware", func(w *watchdog, now time.Time) { w.progress(false); w.last = now }, l.Silent, console.KilledSilent},
		{"stuck", func(w *watchdog, now time.Time) { w.lively = true }, l.Stuck, console.KilledStuck},
		{"late", func(w *watchdog, now time.Time) { w.lively, w.last = true, now.Add(time.Hour) }, l.Total, console.KilledLate},
		{"after done", func(w *watchdog, now time.Time) { w.lively, w.closed = true, now }, l.Leave, console.KilledAfterDone},
		{"after a panic", func(w *watchdog, now time.Time) { w.lively = true; w.reach(Panicked) }, l.Dying, console.KilledDying},
	} {
		w := newWatchdog(l)
		tc.set(w, w.start)
		assert.Equal(t, console.NotKilled, w.verdict(w.start.Add(tc.limit), false), tc.name)
		past := w.start.Add(tc.limit + time.Millisecond)
		assert.Equal(t, tc.want, w.verdict(past, false), tc.name)
		assert.Equal(t, console.KilledFlood, w.verdict(past, true), tc.name)
		w.stopped = func() bool { return true }
		assert.Equal(t, console.KilledStopped, w.verdict(past, false), tc.name)
		assert.Equal(t, console.NotKilled, w.verdict(w.start, false), "%s: not checked before a limit is passed", tc.name)
	}
}

// While a session does not wait for the guest, only a panic ends the boot.
func TestSessionLimits(t *testing.T) {
	w := newWatchdog(Limits{Stuck: time.Minute, Total: time.Hour, Dying: time.Second})
	w.lively = true
	w.attend(true)
	day := 24 * time.Hour
	assert.Equal(t, console.NotKilled, w.verdict(w.last.Add(day), false))
	w.wait(1)
	w.wait(1)
	w.wait(-1)
	assert.Equal(t, console.NotKilled, w.verdict(w.last.Add(time.Minute), false))
	assert.Equal(t, console.KilledStuck, w.verdict(w.last.Add(time.Minute+time.Millisecond), false))
	w.wait(-1)
	assert.Equal(t, console.NotKilled, w.verdict(w.last.Add(day), false))
	w.reach(Panicked)
	assert.Equal(t, console.KilledDying, w.verdict(w.last.Add(day), false))

	w.panicked = false
	w.attend(false)
	assert.Equal(t, console.KilledStuck, w.verdict(w.last.Add(time.Minute+time.Millisecond), false))
}

// Time in which netstrip itself did not run does not count.
func TestForgive(t *testing.T) {
	l := Limits{Silent: time.Second, Stuck: time.Second, Total: 2 * time.Second, Leave: time.Second, Dying: time.Second}
	for _, set := range []func(*watchdog){
		func(*watchdog) {},
		func(w *watchdog) { w.lively = true },
		func(w *watchdog) { w.lively, w.closed = true, w.start },
		func(w *watchdog) { w.lively = true; w.reach(Panicked) },
	} {
		w := newWatchdog(l)
		set(w)
		later := w.start.Add(time.Hour)
		assert.NotEqual(t, console.NotKilled, w.verdict(later, false))
		w.forgive(time.Hour)
		assert.Equal(t, console.NotKilled, w.verdict(later, false))
		w.forgive(absence)
		assert.NotEqual(t, console.NotKilled, w.verdict(later.Add(time.Minute), false), "a short gap is usual")
	}
}

func TestStopped(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	pid := int64(cmd.Process.Pid)
	assert.False(t, stopped(pid))
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	assert.Eventually(t, func() bool { return stopped(pid) }, 5*time.Second, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	in.Close()
	require.NoError(t, cmd.Wait())
	assert.False(t, stopped(pid))
	assert.False(t, stopped(int64(os.Getpid())))
	assert.False(t, stopped(0))
}

// A boot's events fit into the channel without being read: a busy host may not read until the
// guest has rebooted, which loses what does not fit.
func TestEventsWaitForTheHost(t *testing.T) {
	e, err := openChannels(false)
	require.NoError(t, err)
	defer e.close()
	require.NoError(t, unix.SetNonblock(int(e.events.guest.Fd()), true))
	line := []byte(strings.Repeat("x", 400) + "\n")
	for n := range 450 { // a boot of 200 probes, each of which starts and finds
		_, err := unix.Write(int(e.events.guest.Fd()), line)
		require.NoError(t, err, "after %d events", n)
	}
}
