package kbuild

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"github.com/netstrip/netstrip/kconfigs"
)

// writeModules writes modules to a directory, compressed if their names say so. Each line is a path,
// and the names of the modules that it needs.
func writeModules(t *testing.T, dir, list string) {
	t.Helper()
	needTools(t, "gcc")
	for line := range strings.Lines(list) {
		path, needs, _ := strings.Cut(strings.TrimSpace(line), " ")
		object := filepath.Join(t.TempDir(), "a.o")
		gcc := exec.CommandContext(t.Context(), "gcc", "-c", "-x", "c", "-o", object, "-")
		gcc.Stdin = strings.NewReader(fmt.Sprintf("const char tag[] __attribute__((section(\".modinfo\"))) = \"license=GPL\\0depends=%s\";\n",
			strings.ReplaceAll(needs, " ", ",")))
		require.NoError(t, gcc.Run())
		data, err := os.ReadFile(object)
		require.NoError(t, err)
		to := filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, compress(t, filepath.Ext(path), data), 0o644))
	}
}

func compress(t *testing.T, ext string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch ext {
	case ".gz":
		w := gzip.NewWriter(&b)
		_, err = w.Write(data)
		require.NoError(t, w.Close())
	case ".xz":
		w, werr := xz.NewWriter(&b)
		require.NoError(t, werr)
		_, err = w.Write(data)
		require.NoError(t, w.Close())
	case ".zst":
		w, werr := zstd.NewWriter(&b)
		require.NoError(t, werr)
		_, err = w.Write(data)
		require.NoError(t, w.Close())
	default:
		return data
	}
	require.NoError(t, err)
	return b.Bytes()
}

// Modules are copied with depmod's lists and without compression; those for hardware that no guest
// has are left out, except where another needs them.
func TestPrebuiltModules(t *testing.T) {
	needTools(t, "depmod")
	b := newBuilder(t, newCache(t))
	from := t.TempDir()
	writeModules(t, from, `kernel/net/a.ko.gz far-off e
kernel/net/kvm-like.ko.xz
kernel/sound/far-off.ko.zst deeper
kernel/drivers/scsi/deeper.ko
kernel/sound/b.ko
kernel/drivers/net/ethernet/c.ko
kernel/drivers/net/ethernet/e.ko missing
kernel/arch/x86/kvm/kvm.ko
kernel/fs/binfmt_misc.ko.xz
kernel/fs/xfs/xfs.ko
kernel/drivers/net/veth.ko
updates/veth.ko.xz
`)
	require.NoError(t, os.WriteFile(filepath.Join(from, "modules.order"), nil, 0o644))
	build := func() (*Kernel, error) {
		return b.Build(context.Background(), kconfigs.Request{Profile: "kernel-x",
			Prebuilt: &kconfigs.Prebuilt{Image: bzImage(t, "6.9.1"), Modules: from}})
	}
	k, err := build()
	require.NoError(t, err)
	var got []string
	require.NoError(t, filepath.WalkDir(k.Modules, func(path string, d os.DirEntry, err error) error {
		if strings.Contains(path, ".ko") {
			got = append(got, path[len(k.Modules)+1:])
		}
		return err
	}))
	assert.Equal(t, []string{
		"kernel/drivers/net/ethernet/e.ko", "kernel/drivers/scsi/deeper.ko", "kernel/fs/binfmt_misc.ko", "kernel/net/a.ko",
		"kernel/net/kvm-like.ko", "kernel/sound/far-off.ko", "updates/veth.ko",
	}, got)
	for _, path := range got {
		data, err := os.ReadFile(filepath.Join(k.Modules, path))
		require.NoError(t, err)
		assert.Equal(t, "\x7fELF", string(data[:4]), path)
	}
	names, err := k.ModuleNames()
	require.NoError(t, err)
	assert.Contains(t, names, "kvm_like", "as in /proc/modules")
	assert.Len(t, names, len(got))
	left, err := filepath.Glob(filepath.Join(k.Dir, "root*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A damaged module is the user's fault: in a guest, it would look like one that nothing asked for.
func TestDamagedModules(t *testing.T) {
	needTools(t, "depmod")
	for name, data := range map[string]string{
		"empty.ko": "", "text.ko": "hello", "short.ko.gz": "\x1f\x8b\x08", "none.ko": "\x7fELF\x02\x01\x01",
	} {
		from := t.TempDir()
		path := filepath.Join(from, "kernel/net", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(from, "modules.order"), nil, 0o644))
		_, err := newBuilder(t, newCache(t)).Build(context.Background(), kconfigs.Request{Profile: "kernel-x",
			Prebuilt: &kconfigs.Prebuilt{Image: bzImage(t, "6.9.1"), Modules: from}})
		var bad *kconfigs.RequestError
		require.ErrorAs(t, err, &bad, name)
		assert.ErrorContains(t, err, path+": ")
	}
}
