package cache

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func hexKey(n int) string { return fmt.Sprintf("%016x", n) }

// publish puts an entry with some files into the cache, and releases it.
func publish(t *testing.T, c *Cache, kind, key string) string {
	t.Helper()
	path, err := c.Publish(t.Context(), kind, key, func(dir string) error { return fillMany(dir, 3) })
	require.NoError(t, err)
	letGo(c)
	return path
}

func letGo(c *Cache) {
	for _, f := range c.held {
		f.Close()
	}
	c.held = nil
}

func list(t *testing.T, c *Cache) []Entry {
	t.Helper()
	entries, err := c.List(t.Context())
	require.NoError(t, err)
	return entries
}

// prune carries out the plan for the limits.
func prune(t *testing.T, c *Cache, l Limits) Pruning {
	t.Helper()
	p, err := c.Prune(t.Context(), Plan(list(t, c), l, time.Now()))
	require.NoError(t, err)
	return p
}

func pruneAll(c *Cache) error {
	entries, err := c.List(context.Background())
	if err == nil {
		_, err = c.Prune(context.Background(), Plan(entries, Limits{All: true}, time.Now()))
	}
	return err
}

// paths returns the paths of entries, relative to the cache.
func paths(entries []Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Kind+"/"+e.Key)
	}
	return out
}

func TestPlan(t *testing.T) {
	now := time.Now()
	ago := func(kind, key string, age time.Duration) Entry {
		return Entry{Kind: kind, Key: key, Path: "/" + kind + "/" + key, Bytes: 100, Used: now.Add(-age)}
	}
	held := func(e Entry) Entry { e.Holder = 7; return e }
	index := func(key string, age time.Duration, to string) Entry {
		e := ago("a-index", key, age)
		e.LeadsTo = to
		return e
	}
	day := 24 * time.Hour
	entries := []Entry{
		index("1", 9*day, "/a/old"), index("2", 9*day, "/a/new"), index("3", 0, "/a/none"), index("4", 0, "/a/none"),
		ago("a", "new", time.Minute), ago("a", "old", 40*day), held(ago("a", "used", 50*day)), ago("b", "mid", 10*day),
		ago("tmp", "left", 2*time.Hour), ago("tmp", "young", time.Minute), held(ago("tmp", "busy", 5*day)),
	}
	dead := []string{"tmp/left", "a-index/3", "a-index/4"}
	for name, tc := range map[string]struct {
		limits      Limits
		gone, inUse []string
		left        int64
	}{
		"no limit":        {Limits{}, dead, nil, 800},
		"age":             {Limits{OlderThan: 30 * day}, []string{"tmp/left", "a/old", "a-index/3", "a-index/4", "a-index/1"}, []string{"a/used"}, 600},
		"an age not met":  {Limits{OlderThan: 60 * day}, dead, nil, 800},
		"size":            {Limits{MaxBytes: 950}, []string{"tmp/left", "a/old", "a-index/3", "a-index/4", "a-index/1"}, []string{"a/used"}, 600},
		"a size met":      {Limits{MaxBytes: 1000}, dead, nil, 800},
		"age and size":    {Limits{MaxBytes: 850, OlderThan: 30 * day}, []string{"tmp/left", "a/old", "b/mid", "a-index/3", "a-index/4", "a-index/1"}, []string{"a/used"}, 500},
		"all":             {Limits{All: true}, []string{"tmp/left", "a/old", "b/mid", "a/new", "a-index/1", "a-index/2", "a-index/3", "a-index/4"}, []string{"a/used"}, 300},
		"a size too tiny": {Limits{MaxBytes: 1}, []string{"tmp/left", "a/old", "b/mid", "a/new", "a-index/1", "a-index/2", "a-index/3", "a-index/4"}, []string{"a/used"}, 300},
	} {
		t.Run(name, func(t *testing.T) {
			p := Plan(entries, tc.limits, now)
			assert.Equal(t, tc.gone[:1], paths(p.Gone)[:1], "leftovers go first")
			assert.ElementsMatch(t, tc.gone, paths(p.Gone))
			assert.ElementsMatch(t, tc.inUse, paths(p.InUse))
			assert.Equal(t, tc.left, p.Left)
		})
	}
	assert.Equal(t, []string{"a/old", "b/mid", "a/new"}, paths(Plan(entries, Limits{All: true}, now).Gone)[1:4], "least recently used first")
}

func TestList(t *testing.T) {
	c := open(t)
	path := publish(t, c, "kernel", hexKey(1))
	require.NoError(t, WriteFile(c.Path("kernel-index", hexKey(2)), []byte(hexKey(1)+" no-net\n")))
	require.NoError(t, WriteFile(c.Path("kernel-index", hexKey(3)), []byte(hexKey(1)+" my own\n")))
	require.NoError(t, WriteFile(c.Path("kernel-index", hexKey(4)), []byte(hexKey(9)+"\n")))
	require.NoError(t, os.WriteFile(filepath.Join(path, "large"), make([]byte, 1<<20), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(path, "sparse"), nil, 0o644))
	require.NoError(t, os.Truncate(filepath.Join(path, "sparse"), 1<<30))

	entries := list(t, c)
	require.Equal(t, []string{"kernel/" + hexKey(1), "kernel-index/" + hexKey(2), "kernel-index/" + hexKey(3), "kernel-index/" + hexKey(4)}, paths(entries))
	kernel := entries[0]
	assert.Equal(t, []string{"no-net", "my own"}, kernel.For)
	assert.Equal(t, path, kernel.Path)
	assert.Equal(t, path, entries[1].LeadsTo)
	assert.Equal(t, c.Path("kernel", hexKey(9)), entries[3].LeadsTo)
	assert.WithinDuration(t, time.Now(), kernel.Used, time.Minute)
	out, err := exec.Command("du", "-s", "--block-size=1", path).Output()
	require.NoError(t, err)
	assert.Equal(t, strings.Fields(string(out))[0], fmt.Sprint(kernel.Bytes), "as du(1) says")
	assert.Greater(t, kernel.Bytes, int64(1<<20))
	assert.Less(t, kernel.Bytes, int64(2<<20))
}

// Prune never removes files that are not entries: the user may have named a wrong directory.
func TestPruneTouchesNothingElse(t *testing.T) {
	c, other := open(t), open(t)
	theirs := publish(t, other, "kind", hexKey(1))
	require.NoError(t, os.Symlink(filepath.Join(other.Dir, "kind"), filepath.Join(c.Dir, "linked")))
	keep := []string{"file", "letters/love", "letters/0123456789abcde", "photos/0123456789abcdef.jpg", "accel.json"}
	for _, name := range keep {
		require.NoError(t, WriteFile(filepath.Join(c.Dir, name), []byte("x")))
	}
	gone := []string{publish(t, c, "kind", hexKey(1)), publish(t, c, "disk", "redis-"+hexKey(1)), publish(t, c, "initramfs", hexKey(1)+"+"+hexKey(2))}
	p := prune(t, c, Limits{All: true})
	assert.Len(t, p.Gone, len(gone))
	for _, name := range keep {
		assert.FileExists(t, filepath.Join(c.Dir, name))
	}
	assert.DirExists(t, theirs)
	for _, path := range gone {
		assert.NoDirExists(t, path)
	}
	assert.Empty(t, names(t, c.Dir, "tmp"))
}

func TestPruneWhileAnotherUses(t *testing.T) {
	c := open(t)
	used := publish(t, c, "kind", hexKey(1))
	publish(t, c, "kind", hexKey(2))
	user := child("use", c.Dir)
	out, err := user.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, user.Start())
	t.Cleanup(func() { _ = user.Process.Kill(); _ = user.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "true\n", line)

	p := prune(t, c, Limits{All: true})
	assert.Equal(t, []string{"kind/" + hexKey(2)}, paths(p.Gone))
	require.Equal(t, []string{"kind/" + hexKey(1)}, paths(p.InUse))
	assert.Equal(t, user.Process.Pid, p.InUse[0].Holder)
	assert.Equal(t, p.InUse[0].Bytes, p.Left)
	assert.Equal(t, []string{"0", "1", "2"}, names(t, used))

	// The same holds if the plan does not know that it is in use.
	entries := list(t, c)
	entries[0].Holder = 0
	p, err = c.Prune(t.Context(), Plan(entries, Limits{All: true}, time.Now()))
	require.NoError(t, err)
	assert.Empty(t, p.Gone)
	assert.Equal(t, []string{"kind/" + hexKey(1)}, paths(p.InUse))
	assert.DirExists(t, used)

	require.NoError(t, user.Process.Kill())
	_ = user.Wait()
	assert.Len(t, prune(t, c, Limits{All: true}).Gone, 1, "it is used no longer")
}

// An entry that is being made or worked in is left alone.
func TestPruneWhileAnotherMakes(t *testing.T) {
	c := open(t)
	publish(t, c, "obj", hexKey(1))
	lock, err := c.Lock(t.Context(), "obj-"+hexKey(1))
	require.NoError(t, err)
	half := filepath.Join(c.Dir, "tmp", "obj-"+hexKey(1))
	require.NoError(t, os.Mkdir(half, 0o755))
	long := time.Now().Add(-2 * leftOver)
	require.NoError(t, os.Chtimes(half, long, long))
	entries := list(t, c)
	assert.Equal(t, []int{os.Getpid(), os.Getpid()}, []int{entries[0].Holder, entries[1].Holder})
	for i := range entries {
		entries[i].Holder = 0 // where /proc/locks says nothing
	}
	p, err := c.Prune(t.Context(), Plan(entries, Limits{All: true}, time.Now()))
	require.NoError(t, err)
	assert.Empty(t, p.Gone)
	assert.Len(t, p.InUse, 2)
	lock.Close()
	assert.Len(t, prune(t, c, Limits{All: true}).Gone, 2)
	assert.NoDirExists(t, half)
}

// After a prune was killed, the remaining entries are whole, and those that it had begun to
// remove disappear.
func TestPruneOfOneKilled(t *testing.T) {
	c := open(t)
	const entries = 40
	for i := range entries {
		// Publish would write to the disk each time.
		dir := c.Path("kind", hexKey(i))
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, fillMany(dir, 20))
		require.NoError(t, writeSums(t.Context(), dir))
	}
	pruner := child("prune", c.Dir)
	require.NoError(t, pruner.Start())
	t.Cleanup(func() { _ = pruner.Process.Kill(); _ = pruner.Wait() })
	require.Eventually(t, func() bool { return len(names(t, c.Dir, "kind")) < entries }, 30*time.Second, 50*time.Microsecond)
	require.NoError(t, pruner.Process.Kill())
	_ = pruner.Wait()
	left := names(t, c.Dir, "kind")
	t.Logf("killed with %d of %d entries left", len(left), entries)
	for _, key := range left {
		assert.NoError(t, c.Verify(t.Context(), "kind", key))
	}
	assert.Eventually(t, func() bool { return len(names(t, c.Dir, "tmp")) == 0 }, soon, 5*time.Millisecond)
	prune(t, c, Limits{All: true})
	assert.Empty(t, names(t, c.Dir, "kind"))
}

// An entry that a process has published or used stays, however much is pruned at the time.
func TestPruneRacesWithUse(t *testing.T) {
	c := open(t)
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				err = pruneAll(c)
			}
		}
		stopped <- err
	}()
	made, used := 0, 0
	for ; made < 10; used++ {
		mine := &Cache{Dir: c.Dir}
		path, err := mine.Publish(t.Context(), "kind", hexKey(1), func(dir string) error { made++; return fillMany(dir, 3) })
		require.NoError(t, err)
		require.Equal(t, []string{"0", "1", "2"}, names(t, path))
		letGo(mine)
	}
	close(stop)
	require.NoError(t, <-stopped)
	t.Logf("used %d times", used)
}

// A process that waits while a prune moves an entry away does not take the moved files for the
// entry.
func TestUseOfWhatIsMovedAway(t *testing.T) {
	c := open(t)
	path := publish(t, c, "kind", hexKey(1))
	pruned, err := os.Open(path)
	require.NoError(t, err)
	require.NoError(t, flock(pruned, unix.LOCK_EX))
	used := make(chan bool, 1)
	go func() { used <- c.Use("kind", hexKey(1)) }()
	assert.Never(t, func() bool { return len(used) > 0 }, 50*time.Millisecond, 5*time.Millisecond, "it does not wait")
	require.NoError(t, os.Rename(path, path+".gone"))
	require.NoError(t, os.Mkdir(path, 0o755))
	pruned.Close()
	require.True(t, <-used)
	assert.Equal(t, os.Getpid(), list(t, c)[0].Holder, "the new one is held")
}

func TestUseIsWrittenDown(t *testing.T) {
	c := open(t)
	path := publish(t, c, "kind", hexKey(1))
	file := c.Path("symbols", hexKey(2))
	require.NoError(t, WriteFile(file, []byte("x")))
	at := func(age time.Duration) time.Time {
		when := time.Now().Add(-age)
		for _, p := range []string{path, file} {
			require.NoError(t, os.Chtimes(p, when, when))
		}
		require.True(t, c.Use("kind", hexKey(1)))
		data, err := c.Read("symbols", hexKey(2))
		require.NoError(t, err)
		assert.Equal(t, "x", string(data))
		entries := list(t, c)
		require.Len(t, entries, 2)
		assert.WithinDuration(t, entries[0].Used, entries[1].Used, time.Second)
		return entries[0].Used
	}
	assert.WithinDuration(t, time.Now(), at(24*time.Hour), time.Minute)
	assert.WithinDuration(t, time.Now(), at(-24*time.Hour), time.Minute, "a clock that was wrong")
	assert.Less(t, time.Minute, time.Since(at(2*time.Minute)), "not at every use")
	assert.Len(t, c.held, 1, "used again, it is held once")
	assert.False(t, c.Use("kind", hexKey(3)))
	_, err := c.Read("symbols", hexKey(3))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// If the time of use cannot be recorded, the entry is used all the same.
func TestUseOnAReadOnlyDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount the file system that this makes read-only")
	}
	dir := filepath.Join(t.TempDir(), "cache")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, unix.Mount("netstrip-test", dir, "tmpfs", 0, "size=1m,mode=0755"))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	c, err := Open(dir)
	require.NoError(t, err)
	path := publish(t, c, "kind", hexKey(1))
	long := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, long, long))
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	assert.True(t, c.Use("kind", hexKey(1)))
	assert.NoError(t, c.Verify(t.Context(), "kind", hexKey(1)))
	entries := list(t, c)
	require.True(t, slices.ContainsFunc(entries, func(e Entry) bool { return e.Used.Equal(long.Truncate(0)) }), "%v", entries)
	letGo(c)
}

// A temporary directory stays as long as it is needed, even if a search works in it for hours.
func TestPruneLeavesTemporaryDirectories(t *testing.T) {
	c := open(t)
	dir, release, err := c.TempDir("kconf")
	require.NoError(t, err)
	long := time.Now().Add(-2 * leftOver)
	require.NoError(t, os.Chtimes(dir, long, long))
	p := prune(t, c, Limits{All: true})
	assert.Empty(t, p.Gone)
	assert.DirExists(t, dir)
	// Even if /proc/locks does not show it, its lock protects it.
	entries := list(t, c)
	entries[0].Holder = 0
	p, err = c.Prune(t.Context(), Plan(entries, Limits{}, time.Now()))
	require.NoError(t, err)
	assert.Empty(t, p.Gone)
	assert.DirExists(t, dir)
	release()
	assert.NoDirExists(t, dir)
}
