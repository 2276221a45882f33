package shell

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

func TestEscape(t *testing.T) {
	for _, tc := range []struct {
		keys, want string
		left       bool
	}{
		{"ls\r", "ls\r", false},
		{"~.", "", true},
		{"ls\r~.more", "ls\r", true},
		{"ls\n~.", "ls\n", true},
		{"\x03~.", "\x03", true},
		{"a~.\r", "a~.\r", false},
		{"~~.\r", "~.\r", false},
		{"\r~x~.", "\r~x~.", false},
		{"cd ~\r", "cd ~\r", false},
		{"~\r~.", "~\r", true},
		{"~\x03", "~\x03", false},
	} {
		whole := escape{start: true}
		got, left := whole.apply([]byte(tc.keys))
		assert.Equal(t, tc.want, string(got), "%q", tc.keys)
		assert.Equal(t, tc.left, left, "%q", tc.keys)

		one, typed := escape{start: true}, ""
		for i := 0; i < len(tc.keys) && !left; i++ {
			got, _ := one.apply([]byte{tc.keys[i]})
			typed += string(got)
		}
		if !left {
			assert.Equal(t, tc.want, typed, "%q, key by key", tc.keys)
		}
	}
}

// console is a terminal with its state before anything was done to it.
func console(t *testing.T) (keys, tty *os.File, before *term.State) {
	t.Helper()
	keys, tty, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { keys.Close(); tty.Close() })
	require.NoError(t, pty.Setsize(keys, &pty.Winsize{Rows: 40, Cols: 100}))
	return keys, tty, state(t, tty)
}

func state(t *testing.T, tty *os.File) *term.State {
	t.Helper()
	s, err := term.GetState(int(tty.Fd()))
	require.NoError(t, err)
	return s
}

// A terminal is raw between begin and close, and nothing is read from it afterwards.
func TestTerminalIsRestored(t *testing.T) {
	keys, tty, before := console(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan struct{})
	terminal, err := openTerminal(ctx, tty, func() { close(left) })
	require.NoError(t, err)
	assert.Equal(t, &duplex.Size{Rows: 40, Cols: 100}, terminal.size())
	assert.Equal(t, before, state(t, tty), "until the guest is ready, keys are for this side")

	terminal.begin()
	assert.NotEqual(t, before, state(t, tty))
	_, err = io.WriteString(keys, "\x03ls\r")
	require.NoError(t, err)
	buf := make([]byte, 100)
	n, err := terminal.Read(buf)
	require.NoError(t, err)
	assert.Equal(t, "\x03ls\r", string(buf[:n]))
	_, err = io.WriteString(keys, "~.")
	require.NoError(t, err)
	_, err = terminal.Read(buf)
	assert.ErrorIs(t, err, io.EOF)
	<-left

	read := make(chan error)
	go func() {
		_, err := terminal.Read(make([]byte, 100))
		read <- err
	}()
	cancel()
	assert.ErrorIs(t, <-read, io.EOF)
	terminal.close() // waits for the first, if need be
	assert.Equal(t, before, state(t, tty))
}

// A script has no escape and no size, and needs no terminal.
func TestScriptIsPassedOn(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	_, err = io.WriteString(w, "~.\nexit\n")
	require.NoError(t, err)
	w.Close()
	terminal, err := openTerminal(t.Context(), r, func() { t.Error("left") })
	require.NoError(t, err)
	defer terminal.close()
	assert.Nil(t, terminal.size())
	terminal.begin()
	text, err := io.ReadAll(terminal)
	require.NoError(t, err)
	assert.Equal(t, "~.\nexit\n", string(text))
}

// guardedEnv makes this test's program a netstrip that has changed its terminal and waits.
const guardedEnv = "NETSTRIP_TEST_GUARDED"

func TestMain(m *testing.M) {
	if os.Getenv(guardedEnv) != "" {
		terminal, err := openTerminal(context.Background(), os.Stdin, func() {})
		if err != nil {
			os.Exit(1)
		}
		terminal.begin()
		_, _ = os.Stdout.WriteString("begun")
		select {}
	}
	os.Exit(m.Run())
}

// Even SIGKILL leaves the terminal as it was.
func TestTerminalIsRestoredAfterSIGKILL(t *testing.T) {
	for _, program := range []string{"sh", "stty"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NO TERMINAL IS GUARDED: %v", err)
		}
	}
	keys, tty, before := console(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), guardedEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	text := ""
	for buf := make([]byte, 100); !strings.Contains(text, "begun"); {
		n, err := keys.Read(buf)
		require.NoError(t, err)
		text += string(buf[:n])
	}
	assert.NotEqual(t, before, state(t, tty))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.Eventually(t, func() bool { return assert.ObjectsAreEqual(before, state(t, tty)) }, 10*time.Second, 10*time.Millisecond)
}
