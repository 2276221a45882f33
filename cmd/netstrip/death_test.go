package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// soon is within what time after netstrip's end nothing of it may be left.
const soon = 2 * time.Second

// requireVM is the environment variable that turns a skipped boot into a failure;
// make test and CI set it.
const requireVM = "NETSTRIP_REQUIRE_VM"

// markEnv marks all that a netstrip under test starts, however far down: whoever has
// it in the environment is one of them. It is one of those that are passed on.
const markEnv = "LOGNAME"

// booted are the profiles that these tests boot.
func booted() []string { return []string{"full", "no-inet", "no-net"} }

// place is where a netstrip under test works: a cache, a directory for temporary files,
// and a results file in a directory of its own.
type place struct {
	cache, tmp, results string
	mark                string
	env                 []string // added to the environment
	took                time.Duration

	told       int      // how many boots netstrip has said it booted
	left, lost []string // what over has found
}

// newPlace makes a place whose cache shares its kernels with the user's, and its
// initramfs too unless the test is about that being built. It skips the test, loudly,
// where guests cannot be booted.
func newPlace(t *testing.T, shared ...string) *place {
	t.Helper()
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: NO GUEST IS BOOTED; run: make test")
	}
	out, err := exec.Command("netstrip", append([]string{"build", "--quiet"}, booted()...)...).CombinedOutput()
	if err == nil {
		_, err = exec.LookPath("qemu-system-x86_64")
	}
	if err != nil && os.Getenv(requireVM) == "" {
		t.Skipf("NO GUEST IS BOOTED: %v: %s; make test installs what is missing", err, out)
	}
	require.NoError(t, err, string(out))
	user, err := cache.Open("")
	require.NoError(t, err)
	// What is shared is made beforehand, like the kernels: the locks of two places are not
	// the same, and both would make it.
	if slices.Contains(shared, "initramfs") {
		_, err := initramfs.Build(t.Context(), initramfs.Options{Cache: user})
		require.NoError(t, err)
	}
	dir := t.TempDir()
	p := &place{
		cache: filepath.Join(dir, "cache"), tmp: t.TempDir(), results: filepath.Join(dir, "results", "r.jsonl"), mark: rand.Text(),
	}
	p.share(t, user.Dir, append(shared, "kernel", "kernel-index", "source-hash")...)
	t.Cleanup(func() {
		left := p.running()
		assert.Empty(t, left, "left running by %s", t.Name())
		for _, line := range left { // not longer than the test
			var pid int
			if _, err := fmt.Sscan(line, &pid); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	return p
}

func (p *place) share(t *testing.T, with string, kinds ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(p.cache, 0o755))
	for _, kind := range kinds {
		require.NoError(t, os.MkdirAll(filepath.Join(with, kind), 0o755))
		require.NoError(t, os.Symlink(filepath.Join(with, kind), filepath.Join(p.cache, kind)))
	}
}

// netstrip is a command line, its output kept.
type netstrip struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

func (p *place) netstrip(args ...string) *netstrip {
	n := &netstrip{Cmd: exec.Command("netstrip", args...)}
	n.Stdout, n.Stderr = &n.stdout, &n.stderr
	n.Env = append(os.Environ(), markEnv+"="+p.mark, "NETSTRIP_CACHE="+p.cache, "NETSTRIP_ACCEL=tcg",
		"TMPDIR="+p.tmp, "GOTMPDIR=", "GORACE=atexit_sleep_ms=0")
	n.Env = append(n.Env, p.env...)
	return n
}

// run is netstrip run on the place's results.
func (p *place) run(args ...string) *netstrip {
	return p.netstrip(append([]string{"run", "--quiet", "--json", "--results", p.results}, args...)...)
}

// start starts n, which a test that fails must not leave behind.
func (n *netstrip) start(t *testing.T) {
	t.Helper()
	require.NoError(t, n.Start())
	t.Cleanup(func() { _ = n.Process.Kill() })
}

// ended waits for its end and gives the exit code.
func (n *netstrip) ended(t *testing.T) int {
	t.Helper()
	err := n.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	require.NoError(t, err)
	return 0
}

// exits runs n to its end, which must be with the given code.
func (n *netstrip) exits(t *testing.T, code int) *netstrip {
	t.Helper()
	n.start(t)
	require.Equal(t, code, n.ended(t), "%s", n.stderr.String())
	return n
}

// records are those that n wrote to its standard output.
func (n *netstrip) records(t *testing.T) []record.Record {
	t.Helper()
	var records []record.Record
	require.NoError(t, json.Unmarshal(n.stdout.Bytes(), &records), n.stdout.String())
	return records
}

// running are the processes that bear the place's mark.
func (p *place) running() []string {
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is a good one
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err == nil && bytes.Contains(env, []byte(markEnv+"="+p.mark)) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			out = append(out, filepath.Base(filepath.Dir(file))+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return out
}

// temporary are the files in the cache and beside the results that are there for a
// while only.
func (p *place) temporary(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{
		p.tmp + "/*", p.cache + "/tmp/*", p.cache + "/.*", p.cache + "/*/.netstrip-tmp*",
		filepath.Dir(p.results) + "/.*", filepath.Dir(p.results) + "/*/.*",
	} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		out = append(out, found...)
	}
	return out
}

// locked are the locks of the cache that somebody holds.
func (p *place) locked(t *testing.T) []string {
	t.Helper()
	var out []string
	files, err := filepath.Glob(p.cache + "/lock/*")
	require.NoError(t, err)
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			out = append(out, file)
		}
		f.Close()
	}
	return out
}

// over notes what is left two seconds after netstrips have ended, and what of the boots
// they told of is not on the disk.
func (p *place) over(t *testing.T, ended ...*netstrip) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var left []string
	for end := time.Now().Add(soon); time.Now().Before(end); <-tick.C {
		if left = slices.Concat(p.running(), p.temporary(t), p.locked(t)); len(left) == 0 {
			break
		}
	}
	p.left = append(p.left, left...)
	for _, n := range ended {
		p.told += strings.Count("\n"+n.stderr.String(), "\nbooted ")
	}
	records, wrong := p.whole(t)
	if len(records) < p.told {
		wrong = append(wrong, fmt.Sprintf("%d boots were told of, %d are recorded", p.told, len(records)))
	}
	p.lost = append(p.lost, wrong...)
}

// assertNothingLeft wants all that a netstrip had begun gone within two seconds.
func (p *place) assertNothingLeft(t *testing.T) {
	t.Helper()
	p.over(t)
	assert.Empty(t, append(p.left, p.lost...))
}

// whole loads the results, and says what is not whole of them and their console logs.
func (p *place) whole(t *testing.T) (records []record.Record, wrong []string) {
	t.Helper()
	file, err := record.Store{Path: p.results}.Open()
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	require.NoError(t, err)
	defer file.Close()
	for _, d := range file.Damage {
		wrong = append(wrong, fmt.Sprintf("%s:%d: %s", p.results, d.Line, d.Why))
	}
	for _, r := range file.Records {
		log, err := os.ReadFile(filepath.Join(filepath.Dir(p.results), r.ConsoleLog))
		begun, ended := strings.Contains(string(log), "Linux version "+r.Kernel.Version), strings.Contains(string(log), "reboot: ")
		if err != nil || !begun || !ended {
			wrong = append(wrong, fmt.Sprintf("%s: console log: %v, %d bytes", r.ID, err, len(log)))
		}
	}
	return file.Records, wrong
}

// kept returns the results, all of which must be whole.
func (p *place) kept(t *testing.T) []record.Record {
	t.Helper()
	records, wrong := p.whole(t)
	assert.Empty(t, wrong)
	return records
}

// assertWhole wants the records of a run of these tests' profiles.
func assertWhole(t *testing.T, records []record.Record) {
	t.Helper()
	var profiles []string
	for _, r := range records {
		profiles = append(profiles, r.Profile)
		assert.Equal(t, records[0].Run, r.Run)
		assert.Equal(t, r.Run+"/"+r.Profile, r.ID)
		assert.Equal(t, record.Completed, r.Outcome, "%s: %s", r.ID, r.Reason)
	}
	assert.Equal(t, booted(), profiles)
}

// when waits until something holds, for as long as n runs.
func when(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, time.Minute, 2*time.Millisecond, "never: %s", what)
}

func oneLine(t *testing.T, n *netstrip, want string) {
	t.Helper()
	text := n.stderr.String()
	assert.Contains(t, text, want)
	assert.Equal(t, 1, strings.Count(text, "\n"), "one line: %s", text)
	assert.True(t, strings.HasPrefix(text, "netstrip: "), text)
	if n.stdout.Len() > 0 {
		assert.Fail(t, fmt.Sprintf("on standard output: %s", n.stdout.String()))
	}
}
