package initramfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/process"
)

// layout is raised when the same parts lead to a different archive.
const layout = 1

// sourceKey is a hash of everything that goes into the image: the sources of the guest's
// programs, the versions of all modules (which go.sum pins by content), the compiler and its
// flags.
//
// The go command, run in the module, reports the compiler's version, including experiments
// (GOEXPERIMENT): it may differ from the one netstrip was built with, and go.mod may select
// another. That takes 5 ms. Listing the sources takes 130 ms, once per process.
func sourceKey(ctx context.Context, g guestSource) (string, error) {
	version, err := goVersion(ctx, g.module)
	if err != nil {
		return "", err
	}
	return listedSources.key(ctx, g, version)
}

// hashSources returns the key for files, whose names are relative to the module.
func hashSources(g guestSource, version string, files []string) (string, error) {
	h := sha256.New()
	part(h, "layout", fmt.Append(nil, layout))
	part(h, "go", []byte(version))
	part(h, "flags", []byte(strings.Join(buildFlags(), "\n")))
	part(h, "env", []byte(strings.Join(g.env(), "\n")))
	for _, r := range staticRecords() {
		part(h, "record", fmt.Append(nil, r.Info))
	}
	part(h, "hosts", []byte(hosts))
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(g.module, name))
		if err != nil {
			return "", fmt.Errorf("hashing the guest's sources: %w", err)
		}
		part(h, name, data)
	}
	return hex.EncodeToString(h.Sum(nil))[:32], nil
}

// part adds a named part to a hash; different parts never lead to the same input.
func part(h hash.Hash, name string, data []byte) {
	fmt.Fprintf(h, "%q %d\n", name, len(data))
	h.Write(data)
}

// goVersion returns the version of the compiler that go build uses in the module.
func goVersion(ctx context.Context, module string) (string, error) {
	version, err := process.Output(ctx, process.Command{Args: []string{"go", "env", "GOVERSION"}, Dir: module, Env: buildEnv(runtime.GOARCH)})
	if err != nil {
		return "", fmt.Errorf("asking for the version of Go: %w", err)
	}
	return version, nil
}
