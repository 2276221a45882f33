package job

import (
	"path/filepath"
	"strings"
	"time"
)

// testSlack is what a test binary may take beyond its own time limit, at which it prints where it
// is.
const testSlack = 15 * time.Second

// test is how go test calls a test binary.
type test struct {
	// outputs are the files and directories that the binary writes for the go command.
	outputs []string
	limit   time.Duration
}

// goTest recognizes a test binary that go test runs in a directory (go help testflag).
func goTest(command []string, dir string) (t test, ok bool) {
	flags := map[string]string{}
	for _, arg := range command[1:] {
		if name, value, set := strings.Cut(strings.TrimLeft(arg, "-"), "="); set && strings.HasPrefix(name, "test.") {
			flags[name] = value
		}
	}
	_, run := flags["test.timeout"]
	if !strings.HasSuffix(command[0], ".test") || !run && len(flags) == 0 {
		return t, false
	}
	if limit, err := time.ParseDuration(flags["test.timeout"]); err == nil && limit > 0 {
		t.limit = limit + testSlack
	}
	out := dir
	if o := flags["test.outputdir"]; o != "" {
		out = absolute(dir, o)
	}
	for _, name := range []string{"coverprofile", "cpuprofile", "memprofile", "blockprofile", "mutexprofile", "trace"} {
		if file := flags["test."+name]; file != "" {
			t.outputs = append(t.outputs, absolute(out, file))
		}
	}
	for _, name := range []string{"gocoverdir", "testlogfile"} {
		if path := flags["test."+name]; path != "" {
			t.outputs = append(t.outputs, absolute(dir, path))
		}
	}
	if flags["test.artifacts"] == "true" {
		t.outputs = append(t.outputs, filepath.Join(out, "_artifacts"))
	}
	return t, true
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
