package guest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hugelgupf/vmtest/qemu"
	"github.com/hugelgupf/vmtest/qemu/qevent"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
)

func event(t *testing.T, id string) string {
	t.Helper()
	data, err := json.Marshal(envelope{actionEvent, &wire.Event{Kind: wire.KindStart, Probe: id}})
	require.NoError(t, err)
	return string(data) + "\n"
}

const done = `{"hugelgupf_vmtest_guest_action":"done"}` + "\n"

func TestSieve(t *testing.T) {
	a, b := event(t, "a"), event(t, "b")
	long := event(t, strings.Repeat("x", wire.MaxLine))
	for name, tc := range map[string]struct {
		in, out string
		notices []string
	}{
		"good":        {a + b + done, a + b + done, nil},
		"too long":    {a + long + b + done, a + b + done, []string{"dropped 1 event lines longer than 61440 bytes"}},
		"no end":      {a + strings.Repeat("y", 1<<20), a, []string{"dropped 1 event lines longer than 61440 bytes"}},
		"binary":      {"\x00\xff\x1b[31m\n" + a + done, a + done, []string{"dropped 1 event lines that are no event"}},
		"cut":         {a + b[:len(b)/2], a, []string{"dropped 1 event lines that are no event"}},
		"other JSON":  {`{"x":1}` + "\n[]\n7\nnull\n" + a + done, a + done, []string{"dropped 4 event lines that are no event"}},
		"wrong type":  {`{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"kind":7}}` + "\n" + done, done, []string{"dropped 1 event lines that are no event"}},
		"no event":    {`{"hugelgupf_vmtest_guest_action":"guestevent"}` + "\n" + done, done, []string{"dropped 1 event lines that are no event"}},
		"after done":  {a + done + b + done, a + done, []string{`dropped 2 event lines after "done"`}},
		"empty lines": {"\n\n" + a + "\r\n" + done, a + done, nil},
		"much too long": {a + strings.Repeat("y", wire.MaxBytes) + "\n" + done, a, []string{
			"dropped 1 event lines longer than 61440 bytes", "dropped 1 event lines over the 10000 events or 16777216 bytes of a boot"}},
		"too many": {strings.Repeat(a, wire.MaxEvents+5) + done, "", []string{"dropped 6 event lines over the 10000 events or 16777216 bytes of a boot"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := &decoder{out: &out, progress: func() {}}
			s.read(strings.NewReader(tc.in))
			if tc.out != "" {
				assert.Equal(t, tc.out, out.String())
			}
			assert.Equal(t, tc.notices, s.notices())
			_, gotDone := s.ended()
			assert.Equal(t, strings.Contains(tc.in, done) && !s.flooded(), gotDone)
			assert.Equal(t, name == "too many" || name == "much too long", s.flooded())
		})
	}
}

// channel runs the event channel over what a guest sends.
func channel(t *testing.T, sent string) ([]wire.Event, error) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	events := make(chan wire.Event)
	s := &decoder{progress: func() {}}
	task, err := eventTask(s, events, r)
	require.NoError(t, err)
	n := &qemu.Notifications{VMStarted: make(chan struct{}), VMExited: make(chan error, 1)}
	close(n.VMStarted)
	end := make(chan error, 1)
	go func() { end <- task(context.Background(), n) }()
	go func() { fmt.Fprint(w, sent); w.Close() }()
	var got []wire.Event
	for e := range events {
		got = append(got, e)
	}
	return got, <-end
}

func TestEventChannel(t *testing.T) {
	got, err := channel(t, event(t, "a")+event(t, "b")+done)
	require.NoError(t, err)
	assert.Len(t, got, 2)
	_, err = channel(t, event(t, "a"))
	assert.ErrorIs(t, err, qevent.ErrEventChannelMissingDoneEvent, "silence is no success")
}

// Each of these stops vmtest's own channel for good, or takes the process down. The
// decoder is what keeps them from it.
func TestEventChannelSurvivesTheGuest(t *testing.T) {
	for name, bad := range map[string]string{
		"a line over 64 KiB": event(t, strings.Repeat("x", 70<<10)),
		"no JSON":            "}{\n",
		"binary junk":        "\x00\x01\x02\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := channel(t, bad+event(t, "after")+done)
			require.NoError(t, err)
			require.Len(t, got, 1)
			assert.Equal(t, "after", got[0].Probe)
		})
	}
	t.Run("events after done", func(t *testing.T) {
		got, err := channel(t, event(t, "a")+done+event(t, "late")+done)
		require.NoError(t, err)
		assert.Len(t, got, 1)
	})
}

// watchedEnd tells when the decoder's end of the pty is closed.
type watchedEnd struct {
	io.WriteCloser
	closed chan struct{}
}

func (w watchedEnd) Close() error {
	close(w.closed)
	return w.WriteCloser.Close()
}

// A hang-up can overtake the last line, so it waits until everything has arrived.
func TestEventChannelHangsUpLast(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	events := make(chan wire.Event)
	s := &decoder{progress: func() {}}
	task, err := eventTask(s, events, r)
	require.NoError(t, err)
	end := watchedEnd{s.out.(io.WriteCloser), make(chan struct{})}
	s.out = end
	result := make(chan error, 1)
	go func() { result <- task(t.Context(), nil) }()
	fmt.Fprint(w, event(t, "a")+done)
	w.Close()
	require.Eventually(t, func() bool { _, done := s.ended(); return done }, 10*time.Second, time.Millisecond)
	select {
	case <-end.closed:
		t.Error("hung up with an event on its way")
	case <-time.After(50 * time.Millisecond):
	}
	for range events {
	}
	require.NoError(t, <-result)
	<-end.closed
}
