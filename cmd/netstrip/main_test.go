package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "netstrip" { // the tests, and not the command under test
		enterNamespace()
	}
	testscript.Main(m, map[string]func(){"netstrip": main})
}

// TestScript runs everything that needs no guest as a person would type it. The
// records of the package report serve as sample results.
func TestScript(t *testing.T) {
	samples, err := filepath.Abs("../../vmtests/report/testdata")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// testscript puts the directory with the command under test first.
			bin, _, _ := strings.Cut(e.Getenv("PATH"), ":")
			e.Setenv("BIN", bin)
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector waits a second at each exit
			e.Setenv("SAMPLES", samples)
			e.Setenv("NETSTRIP_CACHE", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("NETSTRIP_SOURCE", filepath.Join(e.WorkDir, "no-source"))
			e.Setenv("NETSTRIP_ACCEL", "")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"json":  jsonArray,
		},
	})
}

// exits runs a command that must end with the exit code given: exits 2 netstrip ...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// jsonArray checks that a file, or the last standard output, is one array of that
// many JSON objects, each of which has the keys named: json stdout 3 id outcome.
func jsonArray(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: json FILE COUNT [KEY...]")
	}
	var list []map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &list))
	if want, err := strconv.Atoi(args[1]); err != nil || len(list) != want {
		ts.Fatalf("%d objects, want %s", len(list), args[1])
	}
	for _, object := range list {
		for _, key := range args[2:] {
			if _, ok := object[key]; !ok {
				ts.Fatalf("no key %q in %v", key, object)
			}
		}
	}
}
