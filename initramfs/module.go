package initramfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// modulePath is netstrip's own module path.
const modulePath = "github.com/netstrip/netstrip"

// findModule gives the directory of netstrip's module: dir, which must be it, or
// without one the nearest from the working directory upwards, or else from where this
// program was compiled.
func findModule(dir string) (string, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("finding netstrip's source: %w", err)
		}
		if !isModule(abs) {
			return "", fmt.Errorf("finding netstrip's source: %s is not the directory of module %s", abs, modulePath)
		}
		return abs, nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding netstrip's source: %w", err)
	}
	// The second is where this program was compiled, for one that is run elsewhere.
	_, source, _, _ := runtime.Caller(0)
	for _, start := range []string{here, filepath.Dir(source)} {
		for at := start; filepath.IsAbs(at); at = filepath.Dir(at) {
			if isModule(at) {
				return at, nil
			}
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	return "", fmt.Errorf("finding netstrip's source: neither %s nor %s is inside module %s; run netstrip in a checkout of it",
		here, filepath.Dir(source), modulePath)
}

// isModule reports whether the go.mod in dir is netstrip's.
func isModule(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.Trim(strings.TrimSpace(name), `"`) == modulePath
		}
	}
	return false
}
