package job_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/job"
	"github.com/netstrip/netstrip/vmtests/record"
)

// listenEnv makes this program one that listens on a socket of the network that it names.
const listenEnv = "NETSTRIP_TEST_LISTEN"

func TestMain(m *testing.M) {
	network := os.Getenv(listenEnv)
	if network == "" {
		os.Exit(m.Run())
	}
	if _, err := net.Listen(network, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "listening:", err)
		os.Exit(4)
	}
	fmt.Println("listening")
}

// needGuests skips a test that boots guests, unless they are asked for.
func needGuests(t *testing.T) {
	t.Helper()
	if testing.Short() && os.Getenv("NETSTRIP_REQUIRE_VM") == "" {
		t.Skip("boots guests")
	}
}

// run runs a program on some kernels.
func run(t *testing.T, o job.Options, kernels ...string) (results []job.Result, stdout, stderr string) {
	t.Helper()
	needGuests(t)
	var out, errs bytes.Buffer
	o.Stdout, o.Stderr = &out, &errs
	o.Run.Results = filepath.Join(t.TempDir(), "r.jsonl")
	results, err := job.Run(t.Context(), o, kernels...)
	require.NoError(t, err)
	require.Len(t, results, len(kernels))
	return results, out.String(), errs.String()
}

func TestExample(t *testing.T) {
	needGuests(t)
	stdout := os.Stdout
	r, w, err := os.Pipe()
	require.NoError(t, err)
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	ExampleRun()
	w.Close()
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, "full: exit status 0\nno-net: exit status 1\n", string(text))
}

// A dynamic program gets its arguments, environment, directory and input, and the call that made it
// fail is found.
func TestExplained(t *testing.T) {
	dir := t.TempDir()
	results, stdout, stderr := run(t, job.Options{
		Command: []string{os.Args[0], filepath.Join(dir, "socket")}, Dir: dir, Env: []string{listenEnv + "=unix", "PATH=/bin"},
		Out: filepath.Join(dir, "out"),
	}, "full", "no-net")
	assert.Equal(t, "full | listening\n", stdout)
	assert.Contains(t, stderr, "no-net | listening: listen unix")
	assert.Equal(t, wire.Works, results[0].Finding.Verdict)
	f := results[1].Finding
	assert.Equal(t, wire.Absent, f.Verdict)
	assert.Equal(t, "socket(AF_UNIX, SOCK_STREAM) ENOSYS", f.Call+" "+f.Errno)
	assert.Equal(t, 4, results[1].Code())
	assert.Contains(t, results[1].Line(), "no-net: exit status 4; socket(AF_UNIX, SOCK_STREAM) ENOSYS; it said: listening: listen unix")
	assert.Equal(t, []string{os.Args[0], filepath.Join(dir, "socket")}, results[1].Record.Exec.Argv)
}

func TestPassedOn(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), []byte("from a file\n"), 0o600))
	results, stdout, stderr := run(t, job.Options{
		Command: []string{"sh", "-c", `pwd; echo "$A"; cat; cat "$0"; echo made >made; echo errors >&2; exit 7`, "data"}, Dir: dir,
		Env: []string{"A=b c", "PATH=" + os.Getenv("PATH")}, Stdin: strings.NewReader("from a pipe\n"), Out: filepath.Join(dir, "out"), Plain: true,
	}, "no-net")
	assert.Equal(t, 7, results[0].Code())
	assert.Equal(t, dir+"\nb c\nfrom a pipe\nfrom a file\n", stdout)
	assert.Equal(t, "errors\n", stderr)
	made, err := os.ReadFile(filepath.Join(dir, "out", dir, "made"))
	require.NoError(t, err)
	assert.Equal(t, "made\n", string(made))
	assert.NoFileExists(t, filepath.Join(dir, "made"))
	assert.NoFileExists(t, filepath.Join(dir, "out", dir, "data"), "it has not changed")
}

// Whatever a program does, one line says how it ended, and the boot completes.
func TestHostilePrograms(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		line   string
		code   int
		output int // the greatest number of bytes of its output
	}{
		"loops":          {"while :; do :; done", "no-net: ended at the time limit of 20s", 124, 0},
		"prints 1 GB":    {"head -c 1000000000 /dev/zero", "no-net: ended: it printed more than 64 MiB", 124, 64 << 20},
		"forks for ever": {"f() { f & f; }; f", "no-net: ", -1, 64 << 20},
		"fills the disk": {"cat /dev/zero >/fill", "no-net: exit status 1; it said: cat: write error: No space left on device", 1, 1000},
		"dies":           {"kill -SEGV $$", "no-net: killed by SIGSEGV", 139, 0},
		"leaves a child": {"sleep 1000 & exit 3", "no-net: exit status 3", 3, 0},
		"reads no input": {"cat; exit 5", "no-net: exit status 5", 5, 0},
		"kills all":      {"kill -9 -1; exit 6", "no-net: exit status 6; it said: ", 6, 1000},
		"is not there":   {"exec no-such-program", "no-net: exit status 127; it said: ", 127, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			limit := time.Duration(0) // the usual one
			if tc.code == 124 && tc.output == 0 || tc.code < 0 {
				limit = 20 * time.Second
			}
			if (limit > 0 || tc.code == 124 || strings.Contains(tc.script, "/fill")) && os.Getenv("NETSTRIP_FULL") == "" {
				t.Skip("takes long: NETSTRIP_FULL=1 runs it")
			}
			results, stdout, stderr := run(t, job.Options{Command: []string{"sh", "-c", tc.script}, Limit: limit, Plain: true}, "no-net")
			r := results[0]
			assert.Equal(t, record.Completed, r.Record.Outcome, r.Record.Reason)
			assert.True(t, strings.HasPrefix(r.Line(), tc.line), r.Line())
			assert.NotContains(t, r.Line(), "\n")
			if tc.code >= 0 {
				assert.Equal(t, tc.code, r.Code())
			}
			assert.LessOrEqual(t, len(stdout)+len(stderr), tc.output)
		})
	}
}
