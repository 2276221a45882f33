package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// soon is the time limit for removing everything after a process has died.
const soon = 2 * time.Second

// childEnv tells a child of this test binary what to do, dirEnv where.
const (
	childEnv = "NETSTRIP_TEST_CHILD"
	dirEnv   = "NETSTRIP_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "run":
		_, err := Run(context.Background(), Command{
			Args:   []string{"sh", "-c", "sleep 1000 & echo $!; sleep 1000 & echo $!; sh -c 'sleep 1000 & echo $!; wait' & wait"},
			OnLine: func(line string) { fmt.Println(line) },
		})
		fmt.Println(err)
	case "guard":
		dir := os.Getenv(dirEnv)
		lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
		if err == nil {
			err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
		}
		if err == nil {
			_, err = Guard(dir, lock)
		}
		if err == nil {
			// A program that keeps writing until it dies too.
			_, err = Run(context.Background(), Command{
				Args:   []string{"sh", "-c", "echo $$; n=0; while :; do n=$((n+1)); mkdir -p \"$0/$n\"; : >\"$0/$n/f\"; done", dir},
				OnLine: func(line string) { fmt.Println(line) },
			})
		}
		fmt.Println(err)
	}
	os.Exit(1)
}

// child starts this test binary as a child that prints as many process IDs as wanted.
func child(t *testing.T, what, dir string, want int) (*exec.Cmd, []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what, dirEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < want && lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		require.NoError(t, err, "the child said %q", lines.Text())
		pids = append(pids, pid)
	}
	require.Len(t, pids, want)
	return cmd, pids
}

// alive reports whether a process exists and is not a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func assertGone(t *testing.T, pids []int) {
	t.Helper()
	start := time.Now()
	for _, pid := range pids {
		if !assert.Eventually(t, func() bool { return !alive(pid) }, soon, 5*time.Millisecond, "process %d lives on", pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it must not outlive the test
		}
	}
	t.Logf("gone after %v", time.Since(start).Round(time.Millisecond))
}

func TestAllDiesWithTheParent(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd, pids := child(t, "run", "", 3)
			for _, pid := range pids {
				require.True(t, alive(pid))
			}
			require.NoError(t, cmd.Process.Signal(signal))
			_ = cmd.Wait()
			assertGone(t, pids)
		})
	}
}

func TestAllDiesWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var pids []int
	_, err := Run(ctx, Command{
		Args: []string{"sh", "-c", "sleep 1000 & echo $!; sleep 1000 & echo $!; wait"},
		OnLine: func(line string) {
			pid, err := strconv.Atoi(line)
			assert.NoError(t, err)
			if pids = append(pids, pid); len(pids) == 2 {
				cancel()
			}
		},
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, pids, 2)
	assertGone(t, pids)
}

// Processes that a program leaves running are killed, and Run does not wait for them.
func TestNothingIsLeftBehind(t *testing.T) {
	start := time.Now()
	var pid int
	_, err := Run(t.Context(), Command{
		Args:   []string{"sh", "-c", "sleep 1000 & echo $!"},
		OnLine: func(line string) { pid, _ = strconv.Atoi(line) },
	})
	require.NoError(t, err)
	assert.Less(t, time.Since(start), 10*time.Second)
	require.NotZero(t, pid)
	assertGone(t, []int{pid})
}

func TestGuardOutlivesUs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "-a directory")
	cmd, pids := child(t, "guard", dir, 1)
	require.Eventually(t, func() bool {
		made, _ := filepath.Glob(dir + "/*/f")
		return len(made) > 100
	}, 10*time.Second, 5*time.Millisecond)
	lock, err := os.Open(dir + ".lock")
	require.NoError(t, err)
	defer lock.Close()
	require.ErrorIs(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assertGone(t, pids)
	require.Eventually(t, func() bool {
		return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
	}, soon, 5*time.Millisecond, "the guard holds the lock")
	assert.NoDirExists(t, dir, "once the lock is free, the directory is gone")
}

// While another process still writes, rm may find the directory not empty. This script fails once
// in that way, which the real rm seldom does.
func TestGuardTriesAgain(t *testing.T) {
	rm, err := exec.LookPath("rm")
	require.NoError(t, err)
	bin, dir := t.TempDir(), filepath.Join(t.TempDir(), "d")
	script := "#!/bin/sh\nmkdir " + bin + "/tried 2>/dev/null && exit 1\nexec " + rm + " \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "rm"), []byte(script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	require.NoError(t, os.Mkdir(dir, 0o755))
	release, err := Guard(dir)
	require.NoError(t, err)
	release()
	assert.DirExists(t, filepath.Join(bin, "tried"))
	assert.NoDirExists(t, dir)
}

func TestGuardIsLetGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	release, err := Guard(dir)
	require.NoError(t, err)
	assert.DirExists(t, dir)
	release()
	assert.NoDirExists(t, dir)

	release, err = Guard(dir)
	require.NoError(t, err)
	release() // the directory is missing, like that of a published entry

	t.Setenv("PATH", t.TempDir())
	_, err = Guard(dir)
	require.ErrorIs(t, err, exec.ErrNotFound)
	assert.ErrorContains(t, err, "guarding "+dir)
}

func TestErrorTellsWhatMatters(t *testing.T) {
	for name, tc := range map[string]struct{ script, want string }{
		"last line":       {"echo one; echo two >&2; exit 3", "sh: exit status 3: two"},
		"first error":     {"echo 'a.c:1: error: first'; echo 'a.c:2: error: second'; echo 'make: *** [a.o] Error 1'; exit 2", "sh: exit status 2: a.c:1: error: first"},
		"full disk":       {"echo 'cc: fatal: x: No space left on device'; echo 'a.c:2: error: second'; exit 2", "sh: exit status 2: cc: fatal: x: No space left on device"},
		"make is silent":  {"echo why; echo 'make: *** [x] Error 1'; exit 2", "sh: exit status 2: why"},
		"nothing said":    {"exit 4", "sh: exit status 4"},
		"no last newline": {"printf oops; exit 1", "sh: exit status 1: oops"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t.Context(), Command{Args: []string{"sh", "-c", tc.script}})
			require.EqualError(t, err, tc.want)
			e, ok := errors.AsType[*Error](err)
			require.True(t, ok)
			assert.Equal(t, "sh", e.Args[0])
			exit, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok)
			assert.NotZero(t, exit.ExitCode())
		})
	}
}

// The shell's exit status shows how a program was killed, and its output may name the signal too.
func TestErrorOfOneKilled(t *testing.T) {
	_, err := Run(t.Context(), Command{Args: []string{"sh", "-c", "kill -SEGV $$"}})
	assert.ErrorContains(t, err, "sh: exit status 139")
}

func TestErrorKeepsTheEndOnly(t *testing.T) {
	_, err := Run(t.Context(), Command{Args: []string{"sh", "-c", "yes 0123456789 | head -c 3000000; echo; echo the end; exit 1"}})
	e, ok := errors.AsType[*Error](err)
	require.True(t, ok)
	assert.LessOrEqual(t, len(e.Tail), 2*keepTail)
	assert.GreaterOrEqual(t, len(e.Tail), keepTail)
	assert.EqualError(t, err, "sh: exit status 1: the end")
}

func TestNotInstalled(t *testing.T) {
	_, err := Run(t.Context(), Command{Args: []string{"netstrip-no-such-program"}})
	assert.True(t, Missing(err), "%v", err)
	_, err = Run(t.Context(), Command{Args: []string{"sh", "-c", "exit 127"}})
	assert.False(t, Missing(err), "a program that ends as a shell does over a missing one is there")
}

func TestWhatAProgramIsGiven(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	file, err := os.Create(filepath.Join(dir, "third"))
	require.NoError(t, err)
	defer file.Close()
	var lines []string
	usage, err := Run(t.Context(), Command{
		Args:   []string{"sh", "-c", `pwd; echo "$GIVEN"; cat; echo 'to 3' >&3; echo "$1|$2"; printf last`, "sh", "a b", "$c"},
		Dir:    dir,
		Env:    []string{"GIVEN=by env"},
		Stdin:  strings.NewReader("from stdin\n\nmore\n"),
		OnLine: func(line string) { lines = append(lines, line) },
		Files:  []*os.File{file},
	})
	require.NoError(t, err)
	assert.Equal(t, []string{dir, "by env", "from stdin", "", "more", "a b|$c", "last"}, lines)
	third, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.Equal(t, "to 3\n", string(third))
	assert.Positive(t, usage.Wall)
	assert.Positive(t, usage.CPU)
}

func TestWithoutStdinThereIsNothingToRead(t *testing.T) {
	out, err := Output(t.Context(), Command{Args: []string{"sh", "-c", "cat; echo done"}})
	require.NoError(t, err)
	assert.Equal(t, "done", out)
}

// An endless line does not fill the memory, and the lines after it are whole.
func TestALineWithoutEnd(t *testing.T) {
	var lengths []int
	l := &lines{each: func(line string) { lengths = append(lengths, len(line)) }}
	part := []byte(strings.Repeat("x", 100_000))
	for range 100 {
		_, _ = l.Write(part)
		require.LessOrEqual(t, cap(l.partial), 4*maxLine)
	}
	_, _ = l.Write([]byte("x\nab\n\nabc"))
	l.end()
	assert.Equal(t, []int{maxLine, 2, 0, 3}, lengths)
}
