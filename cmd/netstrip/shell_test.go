package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"
)

// seat is a person at a terminal, with netstrip shell running on it.
type seat struct {
	*netstrip
	keys, tty *os.File
	before    *term.State
	shown     chan []byte
	unread    string
}

// sit opens a shell on a terminal of 24 by 80.
func (p *place) sit(t *testing.T, args ...string) *seat {
	t.Helper()
	s := &seat{netstrip: p.netstrip(append([]string{"shell", "--results", p.results}, args...)...), shown: make(chan []byte)}
	var err error
	s.keys, s.tty, err = pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { s.keys.Close(); s.tty.Close() })
	s.size(t, 24, 80)
	s.before, err = term.GetState(int(s.tty.Fd()))
	require.NoError(t, err)
	s.Stdin, s.Stdout, s.Stderr = s.tty, s.tty, s.tty
	s.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.start(t)
	go func() {
		defer close(s.shown)
		for buf := make([]byte, 4096); ; {
			n, err := s.keys.Read(buf)
			if err != nil {
				return
			}
			s.shown <- bytes.Clone(buf[:n])
		}
	}()
	s.until(t, "no-net:/# ")
	return s
}

func (s *seat) size(t *testing.T, rows, cols uint16) {
	t.Helper()
	require.NoError(t, pty.Setsize(s.keys, &pty.Winsize{Rows: rows, Cols: cols}))
}

func (s *seat) types(t *testing.T, keys string) {
	t.Helper()
	_, err := s.keys.WriteString(keys)
	require.NoError(t, err)
}

// until waits until a text is shown.
func (s *seat) until(t *testing.T, text string) {
	t.Helper()
	limit := time.After(3 * time.Minute)
	for !strings.Contains(s.unread, text) {
		select {
		case more := <-s.shown:
			s.unread += string(more)
		case <-limit:
			require.Fail(t, "not shown", "%q, but %q", text, s.unread)
		}
	}
	_, s.unread, _ = strings.Cut(s.unread, text)
}

// leaves waits for netstrip's end. The terminal must be as it was. It returns what was shown.
func (s *seat) leaves(t *testing.T, code int) string {
	t.Helper()
	done := make(chan int, 1)
	go func() { done <- s.ended(t) }()
	limit := time.After(3 * time.Minute)
	for {
		select {
		case more := <-s.shown:
			s.unread += string(more)
		case got := <-done:
			assert.Equal(t, code, got, s.unread)
			after, err := term.GetState(int(s.tty.Fd()))
			require.NoError(t, err)
			assert.Equal(t, s.before, after, "the terminal is not as it was")
			for {
				select { // the rest is there already
				case more := <-s.shown:
					s.unread += string(more)
					continue
				case <-time.After(time.Second / 5):
				}
				return s.unread
			}
		case <-limit:
			require.Fail(t, "netstrip does not end", "%q", s.unread)
		}
	}
}

// atShell is a place for shells.
func atShell(t *testing.T) *place {
	t.Helper()
	return newPlace(t, "initramfs", "packages")
}

func TestShell(t *testing.T) {
	p := atShell(t)
	s := p.sit(t, "no-net")
	s.types(t, "stty size\r")
	s.until(t, "24 80")
	s.size(t, 50, 132)
	s.types(t, "until stty size | grep 132; do :; done\r")
	s.until(t, "\n50 132")
	s.types(t, "sh -c 'echo on; exec sleep 3600'\r") // it is in the foreground
	s.until(t, "\non\r\n")
	s.types(t, "\x03")
	s.until(t, "no-net:/# ")
	s.types(t, "echo code $?\r")
	s.until(t, "code 130")
	s.types(t, "probe lo/present; echo then $?\r")
	s.until(t, "lo/present                   ENOSYS        socket(AF_NETLINK, SOCK_RAW)")
	s.until(t, "then 1")
	s.types(t, "exit 7\r")
	s.leaves(t, 7)
	p.assertNothingLeft(t)
}

// However a guest, QEMU or netstrip ends, the terminal is as it was.
func TestShellEnds(t *testing.T) {
	p := atShell(t)
	for _, tc := range []struct {
		name string
		do   func(s *seat)
		code int
		says string
	}{
		{"escape", func(s *seat) { s.types(t, "cat\r"); s.until(t, "cat"); s.types(t, "x\r~.") }, 0, ""},
		{"panic", func(s *seat) { s.types(t, "echo c > /proc/sysrq-trigger\r") }, 1, "panicked: sysrq triggered crash; task sh"},
		{"init ends", func(s *seat) { s.types(t, "reboot -f\r") }, 1, "the guest ended before its shell: reset"},
		{"QEMU dies", func(*seat) { p.killQEMU(t) }, 3, "the guest ended before its shell: qemu-failed"},
		{"SIGTERM", func(s *seat) { assert.NoError(t, s.Process.Signal(syscall.SIGTERM)) }, 143, "interrupted by SIGTERM"},
		{"SIGHUP", func(s *seat) { assert.NoError(t, s.Process.Signal(syscall.SIGHUP)) }, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := p.sit(t, "no-net")
			tc.do(s)
			assert.Contains(t, s.leaves(t, tc.code), tc.says)
		})
	}
	p.assertNothingLeft(t)
}

// killQEMU kills the QEMU of this place.
func (p *place) killQEMU(t *testing.T) {
	t.Helper()
	killed := 0
	for _, line := range p.running() {
		pid, command, _ := strings.Cut(line, " ")
		if strings.HasPrefix(command, "/usr/bin/qemu-system-") || strings.HasPrefix(command, "qemu-system-") {
			n, err := strconv.Atoi(pid)
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(n, syscall.SIGKILL))
			killed++
		}
	}
	assert.Equal(t, 1, killed)
}

// Without a terminal the shell runs a script.
func TestShellRunsAScript(t *testing.T) {
	p := atShell(t)
	n := p.netstrip("shell", "no-net", "--quiet", "--results", p.results)
	n.Stdin = strings.NewReader("echo out; echo err >&2; tty; probe kernel/pipe; exit 5\n")
	n.exits(t, 5)
	assert.Contains(t, n.stdout.String(), "out\nnot a tty\nkernel/pipe                  works")
	assert.Equal(t, "err\n", n.stderr.String())
	p.assertNothingLeft(t)
}
