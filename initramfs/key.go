package initramfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/process"
)

// layout is raised when the archive is put together differently from the same parts.
const layout = 1

// sourceKey is a hash of everything that goes into the image: the sources of the guest's
// programs, the versions of all modules (which go.sum pins by content), the compiler
// and how it is called.
//
// The compiler's version is asked of the go command, in the module: it may not be the
// one netstrip was built with, and go.mod may make it switch. It names experiments that
// are not the usual ones too (GOEXPERIMENT). That costs 5 ms.
func sourceKey(ctx context.Context, module, uinit string) (string, error) {
	version, err := goVersion(ctx, module)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	part(h, "layout", fmt.Append(nil, layout))
	part(h, "go", []byte(version))
	part(h, "flags", []byte(strings.Join(buildFlags(), "\n")))
	part(h, "env", []byte(strings.Join(buildEnv(), "\n")))
	for _, r := range staticRecords() {
		part(h, "record", fmt.Append(nil, r.Info))
	}
	part(h, "hosts", []byte(hosts))
	files, err := sourceFiles(module, uinit)
	if err != nil {
		return "", fmt.Errorf("hashing the guest's sources: %w", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", fmt.Errorf("hashing the guest's sources: %w", err)
		}
		part(h, name, data)
	}
	return hex.EncodeToString(h.Sum(nil))[:32], nil
}

// part adds a named part to a hash, in a way that no other parts could make the same.
func part(h hash.Hash, name string, data []byte) {
	fmt.Fprintf(h, "%q %d\n", name, len(data))
	h.Write(data)
}

// goVersion is the version of the compiler that go build would use in the module.
func goVersion(ctx context.Context, module string) (string, error) {
	var out bytes.Buffer
	_, err := process.Run(ctx, process.Command{
		Args:   []string{"go", "env", "GOVERSION"},
		Dir:    module,
		Env:    buildEnv(),
		OnLine: func(l string) { io.WriteString(&out, l+"\n") },
	})
	if err != nil {
		return "", fmt.Errorf("asking for the version of Go: %w", withoutGo(err))
	}
	return strings.TrimSpace(out.String()), nil
}

// sourceFiles are the files of the module that the guest's programs are built from,
// relative to it and in order: go.mod, go.sum and everything in appguest, the one command,
// probes, trace and wire but tests and what only tests read.
func sourceFiles(module, uinit string) ([]string, error) {
	files := []string{"go.mod", "go.sum"}
	for _, dir := range []string{"appguest", filepath.Join("cmds", uinit), "probes", "trace", "wire"} {
		root := filepath.Join(module, "initramfs", dir)
		if _, err := os.Stat(root); os.IsNotExist(err) {
			continue
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "testdata":
				return fs.SkipDir
			case d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(d.Name(), "."):
				return nil
			}
			rel, err := filepath.Rel(module, path)
			files = append(files, rel)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
