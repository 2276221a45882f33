package cache

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// withoutLocks replaces the locks by ones that seem to work, as those of NFS with local_lock do on two
// machines, or by none.
func withoutLocks(how string) {
	lockFile = func(int, int) error {
		if how == "refused" {
			return unix.ENOLCK
		}
		return nil
	}
}

// kernels is the number of fake kernels that processes make, use and remove.
const kernels = 4

// useForever makes fake kernels and uses each, as a boot does, until the process is killed. It returns
// an error for a kernel that is not whole.
func useForever(dir string) error {
	c, err := Open(dir)
	fmt.Println("begun")
	for i := os.Getpid(); err == nil; i++ {
		key := hexKey(i % kernels)
		_, err = c.PublishSound(context.Background(), "kernel", key, func(dir string) error { return fillKernel(dir, key) })
		if err == nil {
			err = boot(c.Path("kernel", key), key)
		}
		if i%7 == 0 && err == nil {
			err = c.Remove("kernel", key) // so that there is always one to make
		}
		if errors.Is(err, fs.ErrNotExist) { // the other process removed it, which a boot reports
			err = nil
		}
	}
	return err
}

// parts are the files of a fake kernel.
var parts = []string{"vmlinux", "bzImage", "config", "modules/a.ko"}

func fillKernel(dir, key string) error {
	for _, name := range parts {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, contentOf(key, name), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

func contentOf(key, name string) []byte { return bytes.Repeat([]byte(key+name), 2000) }

// boot reads all of a kernel.
func boot(path, key string) error {
	for _, name := range parts {
		data, err := os.ReadFile(filepath.Join(path, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(data, contentOf(key, name)) {
			return fmt.Errorf("DAMAGED: %s of %s has %d bytes", name, key, len(data))
		}
	}
	return nil
}

// Two processes that do not see each other's locks, and are killed at random moments, never use a
// damaged kernel, and leave none.
func TestWithoutLocks(t *testing.T) {
	tries := 200
	if testing.Short() {
		tries = 20
	}
	for _, how := range []string{"useless", "refused"} {
		t.Run(how, func(t *testing.T) {
			c := open(t)
			said := make(chan string, tries)
			start := func(i int) *exec.Cmd {
				cmd := child("use forever", c.Dir)
				cmd.Env = append(cmd.Env, locksEnv+"="+how)
				out, err := cmd.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, cmd.Start())
				lines := bufio.NewScanner(out)
				require.True(t, lines.Scan())
				require.Equal(t, "begun", lines.Text())
				go func() {
					lines.Scan()
					said <- lines.Text()
				}()
				return cmd
			}
			both := []*exec.Cmd{start(0), start(1)}
			seen := 0
			for n := range tries / 2 {
				<-time.After(rand.N(40 * time.Millisecond))
				require.NoError(t, both[n%2].Process.Kill())
				_ = both[n%2].Wait()
				for i := range kernels {
					err := boot(c.Path("kernel", hexKey(i)), hexKey(i))
					if errors.Is(err, fs.ErrNotExist) {
						continue
					}
					seen++
					require.NoError(t, err, "try %d", n)
				}
				both[n%2] = start(n % 2)
			}
			for _, cmd := range both {
				require.NoError(t, cmd.Process.Kill())
				_ = cmd.Wait()
			}
			for range tries/2 + 2 {
				assert.Empty(t, <-said)
			}
			assert.Positive(t, seen)
			t.Logf("%d kernels were there after a kill", seen)
			assert.Eventually(t, func() bool { return len(names(t, c.Dir, "tmp")) == 0 }, 10*time.Second, 10*time.Millisecond, "the guards remove the rest")
		})
	}
}

func TestAlone(t *testing.T) {
	c := open(t)
	name, once := c.Alone()
	if name != "" {
		t.Skipf("the temporary directory is on a file system that others may have mounted: %s", name)
	}
	assert.False(t, once)
	defer func() { lockFile = unix.Flock }()
	withoutLocks("refused")
	name, once = c.Alone()
	assert.True(t, once)
	assert.True(t, strings.HasSuffix(name, fmt.Sprint(os.Getpid())))
	f, err := c.Lock(t.Context(), "x")
	require.NoError(t, err, "it can be used")
	f.Close()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(c.Dir, &st))
	defer func(types []uint32) { remote = types }(remote)
	remote = append(remote, uint32(st.Type))
	lockFile = unix.Flock
	name, once = c.Alone()
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Contains(t, name, host)
	assert.False(t, once)
	runtime.KeepAlive(c)
}
