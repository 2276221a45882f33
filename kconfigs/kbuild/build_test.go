package kbuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// newBuilder returns a builder for the tree in testdata. A real make works on it, but compiles no
// kernel.
func newBuilder(t *testing.T, c *cache.Cache) *Builder {
	t.Helper()
	needTools(t, programs.For("build")...)
	s, err := source.Open(context.Background(), source.Options{Path: newTree(t), Cache: c})
	require.NoError(t, err)
	return &Builder{Cache: c, Source: s, open: func(context.Context) (configurer, error) { return makeConf{t, s.Edited()}, nil }}
}

// makeConf replaces the Kconfig code, which the tree in testdata lacks: the tree's Makefile does
// what conf would do.
type makeConf struct {
	t    *testing.T
	tree string
}

func (m makeConf) Close() {}

func (m makeConf) Symbols() (all []kconf.Symbol, err error) {
	for _, name := range strings.Fields("EXPERT MODULES 64BIT NET UNIX INET X86 CMDLINE SHAPE") {
		all = append(all, kconf.Symbol{Name: name})
	}
	return all, nil
}

func (m makeConf) Settle(ctx context.Context, mode kconf.Mode, request []byte) ([]byte, error) {
	obj := m.t.TempDir()
	path := filepath.Join(obj, ".config")
	if err := os.WriteFile(path, request, 0o644); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, "make", "-C", m.tree, "O="+obj, "KCONFIG_ALLCONFIG="+path, string(mode)).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(path)
}

func (m makeConf) Values(context.Context, kconf.Mode, []byte) (map[string]kconf.Value, error) {
	return nil, errors.New("it knows no reasons")
}

func (m makeConf) Expand(context.Context, string) (string, error) {
	return "", errors.New("it knows no macros")
}

func ask(t *testing.T, text string) kconfigs.Request {
	t.Helper()
	f, err := kconfigs.ParseFragment("mine.config", []byte(text))
	require.NoError(t, err)
	r, err := kconfigs.Profile{Name: "p"}.With(f).Request()
	require.NoError(t, err)
	return r
}

// builds counts the kernels that were built in the object trees of c.
func builds(t *testing.T, c *cache.Cache) int {
	t.Helper()
	files, err := filepath.Glob(c.Path(kindObject, "*/builds"))
	require.NoError(t, err)
	n := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		n += strings.Count(string(data), "built")
	}
	return n
}

func TestBuild(t *testing.T) {
	ctx := context.Background()
	c := newCache(t)
	b := newBuilder(t, c)
	req := ask(t, "CONFIG_NET=y\nCONFIG_UNIX=y\n")
	_, ok, err := b.Cached(ctx, req)
	require.NoError(t, err)
	require.False(t, ok)

	k, err := b.Build(ctx, req)
	require.NoError(t, err)
	assert.False(t, k.Cached)
	assert.Equal(t, "6.12.1", k.Version)
	assert.Equal(t, b.Source.Origin, k.Source)
	assert.Contains(t, k.Compiler, "gcc")
	assert.Equal(t, 4, k.Objects, "three symbols and entry.o; kallsyms is the host's")
	assert.Positive(t, k.Text)
	if assert.Len(t, k.Directories, 1) {
		assert.Equal(t, "init", k.Directories[0].Name)
		assert.Equal(t, 1, k.Directories[0].Objects)
		assert.Positive(t, k.Directories[0].Text)
	}
	assert.Positive(t, k.WallSeconds)
	info, err := os.Stat(k.Image)
	require.NoError(t, err)
	assert.Equal(t, info.Size(), k.ImageBytes)
	final, err := os.ReadFile(k.Config)
	require.NoError(t, err)
	assert.Equal(t, "CONFIG_NET=y\nCONFIG_UNIX=y\nCONFIG_LOCALVERSION=\"\"\n", string(final))

	again := *k
	again.Cached = true
	got, ok, err := b.Cached(ctx, req)
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, &again, got)

	// A different request with the same .config builds no second kernel.
	got, err = b.Build(ctx, ask(t, "CONFIG_NET=y\nCONFIG_UNIX=y\n# CONFIG_INET is not set\n"))
	require.NoError(t, err)
	assert.Equal(t, &again, got)
	assert.Equal(t, 1, builds(t, c))
}

func TestBuildAgainIsTheSame(t *testing.T) {
	ctx := context.Background()
	c := newCache(t)
	b := newBuilder(t, c)
	req := ask(t, "CONFIG_NET=y\n")
	k, err := b.Build(ctx, req)
	require.NoError(t, err)
	first, err := os.ReadFile(k.Image)
	require.NoError(t, err)

	// A truncated kernel is not returned but built again, with the same key and bytes.
	require.NoError(t, os.Truncate(k.Image, 3))
	_, ok, err := b.Cached(ctx, req)
	require.NoError(t, err)
	require.False(t, ok)
	again, err := b.Build(ctx, req)
	require.NoError(t, err)
	assert.Equal(t, k.Key, again.Key)
	second, err := os.ReadFile(again.Image)
	require.NoError(t, err)
	assert.Equal(t, string(first), string(second))
	assert.Equal(t, 2, builds(t, c))
}

func TestBuildFaults(t *testing.T) {
	c := newCache(t)
	b := newBuilder(t, c)
	fails := func(text, want string) error {
		t.Helper()
		_, err := b.Build(context.Background(), ask(t, text))
		require.ErrorContains(t, err, want)
		nothingKept(t, c, kindKernel)
		nothingKept(t, c, kindIndex)
		return err
	}
	var re *kconfigs.RequestError
	err := fails("CONFIG_NET=n\n# why\nCONFIG_UNIX=y\nCONFIG_INET=y\n", "building p+mine: "+
		"mine.config:3: CONFIG_UNIX: wanted y, got n\nmine.config:4: CONFIG_INET: wanted y, got n")
	require.ErrorAs(t, err, &re)
	err = fails("CONFIG_UNXI=y\n", "building p+mine: mine.config:1: CONFIG_UNXI: this kernel has no such symbol; did you mean UNIX?")
	require.ErrorAs(t, err, &re)
	err = fails("CONFIG_SHAPE=\"FAKE_ERROR\"\n", "building p+mine: make: exit status 2: net/core/sock.c:12:3: error: too few sockets (full output: ")
	require.NotErrorAs(t, err, &re)
	fails("CONFIG_SHAPE=\"FAKE_REVIVE\"\n", "building p+mine: make bzImage changed the .config")
}

func TestBuildInterrupted(t *testing.T) {
	c := newCache(t)
	b := newBuilder(t, c)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	half := make(chan error, 1)
	go func() {
		_, err := b.Build(ctx, ask(t, "CONFIG_SHAPE=\"FAKE_HANG\"\n"))
		half <- err
	}()
	// Make is killed while it writes, and leaves an incomplete file.
	object := func() bool {
		files, _ := filepath.Glob(c.Path(kindObject, "*/hang.o"))
		return len(files) == 1
	}
	require.Eventually(t, object, waitFor, tick)
	cancel()
	require.ErrorIs(t, <-half, context.Canceled)
	left, err := filepath.Glob(tmp + "/*")
	require.NoError(t, err)
	inCache, err := filepath.Glob(c.Dir + "/tmp/*")
	require.NoError(t, err)
	assert.Empty(t, append(left, inCache...), "the compiler's temporary files are gone")
	nothingKept(t, c, kindKernel)
	require.True(t, object())

	k, err := b.Build(context.Background(), ask(t, "CONFIG_NET=y\n"))
	require.NoError(t, err)
	assert.FileExists(t, k.Image)
	assert.False(t, object(), "the half-written object was taken for a whole one")
}

func TestBuildAll(t *testing.T) {
	ctx := context.Background()
	c := newCache(t)
	b := newBuilder(t, c)
	reqs := []kconfigs.Request{ask(t, "CONFIG_NET=y\n"), ask(t, "CONFIG_UNIX=y\n"), ask(t, "CONFIG_64BIT=y\n")}
	_, err := b.Build(ctx, reqs[2])
	require.NoError(t, err)
	var order []int
	kernels := make([]*Kernel, len(reqs))
	err = b.BuildAll(ctx, reqs, func(i int, k *Kernel, err error) {
		order, kernels[i] = append(order, i), k
		assert.Equal(t, i == 1, err != nil)
	})
	require.EqualError(t, err, "building p+mine: mine.config:1: CONFIG_UNIX: wanted y, got n")
	assert.Equal(t, []int{2, 0, 1}, order, "what is there first, then as asked")
	assert.True(t, kernels[2].Cached)
	assert.False(t, kernels[0].Cached)

	done, cancel := context.WithCancel(ctx)
	cancel()
	err = b.BuildAll(done, reqs, func(i int, k *Kernel, err error) { assert.NotEqual(t, 1, i) })
	require.ErrorIs(t, err, context.Canceled)

	// A line that the source does not know is one mistake of all requests with it.
	made := builds(t, c)
	wrong := []kconfigs.Request{ask(t, "CONFIG_X86=y\n"), ask(t, "CONFIG_NET=y\nCONFIG_UNXI=y\n"), ask(t, "CONFIG_64BIT=y\nCONFIG_UNXI=y\n")}
	err = b.BuildAll(ctx, wrong, nil)
	require.EqualError(t, err, "building p+mine, p+mine: mine.config:2: CONFIG_UNXI: this kernel has no such symbol; did you mean UNIX?")
	assert.Equal(t, made, builds(t, c), "nothing was built")
}

func TestBuildersShareTheWork(t *testing.T) {
	c := newCache(t)
	first := newBuilder(t, c)
	req := ask(t, "CONFIG_NET=y\n")
	errs := make([]error, 4)
	var all sync.WaitGroup
	for i := range errs {
		b := &Builder{Cache: c, Source: first.Source, open: first.open}
		all.Go(func() { _, errs[i] = b.Build(context.Background(), req) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	assert.Equal(t, 1, builds(t, c))
}

func TestCacheOnABadPath(t *testing.T) {
	c, err := cache.Open(filepath.Join(t.TempDir(), "my cache"))
	require.NoError(t, err)
	b := newBuilder(t, c)
	_, err = b.Build(context.Background(), ask(t, "CONFIG_NET=y\n"))
	require.EqualError(t, err, `building p+mine: the cache "`+c.Dir+`": kbuild does not support paths with a space or a colon; set NETSTRIP_CACHE`)
}

func TestMissingTools(t *testing.T) {
	c := newCache(t)
	b := newBuilder(t, c)
	t.Setenv("PATH", t.TempDir())
	require.EqualError(t, checkTools(context.Background(), arch.Default()),
		"building a kernel: missing gcc, ld, make, bash, flex, bison, bc, gzip, stdio.h, linux/types.h, gelf.h: "+
			"apt-get install gcc binutils make bash flex bison bc gzip libc6-dev linux-libc-dev libelf-dev (see netstrip doctor)")
	_, _, err := b.Cached(context.Background(), ask(t, "CONFIG_NET=y\n"))
	require.EqualError(t, err, "identifying the compiler: missing gcc: apt-get install gcc (see netstrip doctor)")
}

func TestMissingHeader(t *testing.T) {
	needTools(t, "sh")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "gcc"), "#!/bin/sh\ncase $* in *gelf.h*) echo 'fatal error: gelf.h: No such file or directory' >&2; exit 1; esac\n")
	require.NoError(t, os.Chmod(filepath.Join(dir, "gcc"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	require.EqualError(t, checkTools(context.Background(), arch.Default()),
		"building a kernel: missing gelf.h: apt-get install libelf-dev (see netstrip doctor)")
}

func TestIsObject(t *testing.T) {
	for line, want := range map[string]bool{
		"  CC      kernel/fork.o":          true,
		"  AS      arch/x86/entry/entry.o": true,
		"  CC      arch/x86/boot/main.o":   true,
		"  HOSTCC  scripts/kallsyms":       false,
		"  LD      vmlinux":                false,
		"  AR      net/built-in.a":         false,
		"CC":                               false,
		"":                                 false,
	} {
		assert.Equal(t, want, isObject(line), line)
	}
}

func TestSizesAsSizePrintsThem(t *testing.T) {
	needTools(t, "size", "gcc")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.c"), "int data[99] = {1}; int bss[9999]; const char text[777] = \"x\"; int main(void) { return bss[data[0]]; }")
	path := filepath.Join(dir, "x")
	out, err := exec.Command("gcc", "-o", path, path+".c").CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.Command("size", path).Output()
	require.NoError(t, err)
	want := strings.Fields(strings.Split(string(out), "\n")[1])[:3]
	text, data, bss, err := sizes(path)
	require.NoError(t, err)
	assert.Equal(t, want, []string{itoa(text), itoa(data), itoa(bss)})

	_, _, _, err = sizes(path + ".c")
	require.ErrorContains(t, err, "reading the sizes of "+path+".c: bad magic number")
}
