//go:build linux

package session_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	guest "github.com/netstrip/netstrip/initramfs/session"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
	"github.com/netstrip/netstrip/vmtests/session"
)

// output keeps what is written, and is asked for a text while more is written.
type output struct {
	r *io.PipeReader
	w *io.PipeWriter
}

func newOutput() output {
	r, w := io.Pipe()
	return output{r, w}
}

// until reads up to a text.
func (o output) until(t *testing.T, text string) string {
	t.Helper()
	var all []byte
	one := make([]byte, 1)
	for !strings.HasSuffix(string(all), text) {
		_, err := o.r.Read(one)
		require.NoError(t, err, "have %q, want %q", all, text)
		all = append(all, one...)
	}
	return string(all)
}

// serve is the guest: it runs one session on its end of the port.
func serve(t *testing.T) (port net.Conn, ended <-chan error) {
	t.Helper()
	hostEnd, guestEnd := socketPair(t)
	done := make(chan error, 1)
	go func() {
		s, err := guest.Accept(guestEnd)
		if err == nil {
			cmd := exec.Command(s.Request.Argv[0], s.Request.Argv[1:]...)
			cmd.Dir = s.Request.Dir
			err = s.End(s.Run(cmd))
		}
		done <- err
	}()
	return hostEnd, done
}

func socketPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	ends := make([]net.Conn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "port")
		ends[i], err = net.FileConn(f)
		require.NoError(t, err)
		f.Close()
	}
	t.Cleanup(func() { ends[0].Close(); ends[1].Close() })
	return ends[0], ends[1]
}

func request(argv ...string) duplex.Request {
	return duplex.Request{Command: wire.Command{Argv: argv, Dir: "/"}}
}

// sh runs a script in a session with pipes.
func sh(t *testing.T, script string, stdin io.Reader) (e duplex.Ending, stdout, stderr string) {
	t.Helper()
	port, ended := serve(t)
	var out, errs bytes.Buffer
	e, err := session.Session{Request: request("sh", "-c", script), Stdin: stdin, Stdout: &out, Stderr: &errs}.Run(t.Context(), port)
	require.NoError(t, err)
	require.NoError(t, <-ended)
	return e, out.String(), errs.String()
}

func TestPipes(t *testing.T) {
	e, stdout, stderr := sh(t, "cat; echo oops >&2; exit 3", strings.NewReader("hello\n"))
	assert.Equal(t, duplex.Ending{Status: 3}, e)
	assert.Equal(t, "hello\n", stdout)
	assert.Equal(t, "oops\n", stderr)

	e, _, _ = sh(t, "kill -TERM $$", nil)
	assert.Equal(t, duplex.Ending{Signal: 15}, e)
	assert.Equal(t, 143, e.Code())
}

// A program need not read its input, of which there is more than a port and a window hold.
func TestUnreadInput(t *testing.T) {
	endless := io.LimitReader(zeros{}, 8<<20)
	e, stdout, _ := sh(t, "head -c 3 | tr '\\0' x", endless)
	assert.Equal(t, duplex.Ending{}, e)
	assert.Equal(t, "xxx", stdout)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// All of a large input comes back.
func TestMuchData(t *testing.T) {
	const size = 4 << 20
	e, stdout, _ := sh(t, "cat", io.LimitReader(zeros{}, size))
	assert.Equal(t, duplex.Ending{}, e)
	assert.Len(t, stdout, size)
}

// A process that is left behind does not keep the session open.
func TestOutputHeldOpen(t *testing.T) {
	began := time.Now()
	e, stdout, _ := sh(t, "setsid sleep 3600 & echo $!", nil)
	assert.Equal(t, duplex.Ending{}, e)
	assert.Less(t, time.Since(began), 30*time.Second)
	pid := strings.TrimSpace(stdout)
	assert.NoError(t, exec.Command("kill", pid).Run())
}

func TestNoProgram(t *testing.T) {
	port, ended := serve(t)
	e, err := session.Session{Request: request("/does/not/exist")}.Run(t.Context(), port)
	require.NoError(t, err)
	require.NoError(t, <-ended)
	assert.Contains(t, e.Fault, "/does/not/exist")
	assert.Equal(t, 127, e.Code())
}

// Without a terminal signals go to the program's process group.
func TestSignal(t *testing.T) {
	port, ended := serve(t)
	out := newOutput()
	signals := make(chan os.Signal, 1)
	go func() {
		out.until(t, "ready\n")
		signals <- unix.SIGUSR1
	}()
	e, err := session.Session{
		Request: request("sh", "-c", "trap 'exit 7' USR1; echo ready; while :; do sleep 0.01; done"),
		Stdout:  out.w, Signals: signals,
	}.Run(t.Context(), port)
	require.NoError(t, err)
	require.NoError(t, <-ended)
	assert.Equal(t, duplex.Ending{Status: 7}, e)
}

// On a terminal, Ctrl-C reaches the foreground process, sizes arrive, and the shell controls jobs.
func TestTerminal(t *testing.T) {
	port, ended := serve(t)
	r := request("sh", "-i")
	r.Terminal = &duplex.Size{Rows: 24, Cols: 80}
	keys, typed := io.Pipe()
	out, sizes := newOutput(), make(chan duplex.Size)
	ending := make(chan duplex.Ending, 1)
	go func() {
		e, err := session.Session{Request: r, Stdin: keys, Stdout: out.w, Sizes: sizes}.Run(t.Context(), port)
		assert.NoError(t, err)
		ending <- e
		out.w.Close()
	}()
	say := func(text string) {
		_, err := io.WriteString(typed, text)
		require.NoError(t, err)
	}
	say("stty -echo; PS1=; stty size\n")
	out.until(t, "24 80\r\n")
	sizes <- duplex.Size{Rows: 50, Cols: 132}
	say("until stty size | grep 132; do :; done\n")
	out.until(t, "50 132\r\n")
	say("sh -c 'echo on; exec sleep 3600'\n") // the echo comes from the foreground
	out.until(t, "on\r\n")
	say("\x03")
	say("echo code $?\n")
	out.until(t, "code 130\r\n")
	go func() { _, _ = io.Copy(io.Discard, out.r) }()
	say("exit 5\n")
	assert.Equal(t, duplex.Ending{Status: 5}, <-ending)
	require.NoError(t, <-ended)
}

// The program ends when the host is gone.
func TestHostGone(t *testing.T) {
	port, ended := serve(t)
	out := newOutput()
	failed := make(chan error, 1)
	go func() {
		_, err := session.Session{Request: request("sh", "-c", "echo ready; sleep 3600"), Stdout: out.w}.Run(t.Context(), port)
		failed <- err
	}()
	out.until(t, "ready\n")
	port.Close()
	assert.ErrorIs(t, <-failed, session.ErrEnded)
	<-ended
}

// The host ends a session in which the guest sends garbage, and does so without much memory.
func TestUntrustedGuest(t *testing.T) {
	ready := "\x07\x00\x00\x00\x00"
	for text, want := range map[string]error{
		"":                               session.ErrEnded,
		"[    0.000000] Linux version":   duplex.ErrInvalid,
		ready:                            session.ErrEnded,
		ready + ready:                    duplex.ErrInvalid,
		ready + "\x01\x00\x00\x00\x02{}": duplex.ErrInvalid,
		ready + "\x0a\x00\x00\x00\x04\x00\x00\x00\x01": duplex.ErrInvalid,
		ready + "\x08\xff\xff\xff\xff":                 duplex.ErrInvalid,
		ready + "\x0c\x00\x00\x00\x02{]":               duplex.ErrInvalid,
		ready + "\x08\x00\x00\x00\x03ab":               session.ErrEnded,
	} {
		hostEnd, guestEnd := socketPair(t)
		_, err := io.WriteString(guestEnd, text)
		require.NoError(t, err)
		require.NoError(t, guestEnd.(*net.UnixConn).CloseWrite())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err = session.Session{}.Run(ctx, hostEnd)
		cancel()
		assert.ErrorIs(t, err, want, "%q", text)
	}
}
