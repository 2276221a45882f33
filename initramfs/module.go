package initramfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"golang.org/x/mod/modfile"
)

// modulePath is netstrip's own module path.
const modulePath = "github.com/netstrip/netstrip"

// findModule returns the directory of netstrip's module: dir if set; else that of the
// installed version of this program; else the checkout it was compiled in.
func findModule(ctx context.Context, dir string, p *progress.Printer) (string, error) {
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
	_, source, _, _ := runtime.Caller(0) // not a path with -trimpath
	info, _ := debug.ReadBuildInfo()
	if m, ok := released(info); ok {
		if at, ok := moduleAbove(source); ok {
			return at, nil
		}
		return fetchModule(ctx, m, p)
	}
	return findCheckout(source)
}

// released returns netstrip's module in this program, if it is a version from a proxy or a
// repository. Only that has a checksum: a program compiled in a checkout may have a version
// too.
func released(info *debug.BuildInfo) (debug.Module, bool) {
	if info == nil {
		return debug.Module{}, false
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != modulePath {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		return *m, m.Sum != ""
	}
	return debug.Module{}, false
}

// fetchModule returns the directory of a released version in the module cache. The go
// command downloads it if it is missing.
func fetchModule(ctx context.Context, m debug.Module, p *progress.Printer) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("fetching %s@%s, from whose source the guest's programs are compiled: %w", m.Path, m.Version, err)
	}
	// In another module's directory, its go.mod would apply.
	dir, err := os.MkdirTemp("", "netstrip-module-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	var answer strings.Builder // the lines from { to }; the others are messages
	inside := false
	_, err = process.Run(ctx, process.Command{
		Args: []string{"go", "mod", "download", "-json", m.Path + "@" + m.Version},
		Dir:  dir,
		Env:  append(buildEnv(runtime.GOARCH), "GO111MODULE=on"),
		OnLine: func(l string) {
			inside = inside || l == "{"
			if inside {
				answer.WriteString(l + "\n")
			} else {
				p.State("fetching %s: %s", m.Version, l)
			}
			inside = inside && l != "}"
		},
	})
	var got struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal([]byte(answer.String()), &got); jsonErr != nil && err == nil {
		err = fmt.Errorf("reading go's answer: %w", jsonErr)
	}
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case got.Error != "": // it says more than err
		return fail(errors.New(strings.Join(strings.Fields(got.Error), " ")))
	case err != nil:
		return fail(err)
	case got.Sum != m.Sum:
		return fail(fmt.Errorf("its source has the checksum %s, but netstrip was built from %s", got.Sum, m.Sum))
	case !isModule(got.Dir):
		return fail(fmt.Errorf("%s is not the directory of module %s", got.Dir, modulePath))
	}
	return got.Dir, nil
}

// findCheckout returns the checkout that contains the source this program was compiled from,
// or else the program itself, or else the working directory.
func findCheckout(source string) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding netstrip's source: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding netstrip's source: %w", err)
	}
	for _, start := range []string{source, program, here} {
		if at, ok := moduleAbove(start); ok {
			return at, nil
		}
	}
	return "", fmt.Errorf("finding netstrip's source: neither %s, from which it was compiled, nor %s, nor %s is inside module %s; run netstrip in a checkout of it",
		source, program, here, modulePath)
}

// moduleAbove returns the nearest directory of netstrip's module at or above an absolute path.
func moduleAbove(path string) (string, bool) {
	for at := path; filepath.IsAbs(at); at = filepath.Dir(at) {
		if isModule(at) {
			return at, true
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return "", false
}

// isModule reports whether the go.mod in dir is netstrip's.
func isModule(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(data) == modulePath
}
