//go:build linux

package appguest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/trace"
	"github.com/netstrip/netstrip/initramfs/wire"
)

func sh(script string) wire.Command { return wire.Command{Argv: []string{"sh", "-c", script}} }

func service(script, ready string) wire.Service {
	s := wire.Service{Command: sh(script)}
	if ready != "" {
		s.Ready = sh(ready)
	}
	return s
}

// staged is a way made of shell commands, and its expected outcome.
type staged struct {
	app  wire.App
	want outcome
}

// These attempts run shell commands on the host, without a sandbox. Tests that boot kernels
// cover the rest.
func TestAttempt(t *testing.T) {
	for name, tc := range attempts(t.TempDir()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := time.Minute
			if tc.want.Late {
				limit = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			p := &attempt{began: time.Now()}
			got := p.run(ctx, tc.app)
			for _, s := range p.services { // as the end of a sandbox does
				_ = unix.Kill(-s.cmd.Process.Pid, unix.SIGKILL)
				<-s.ended
			}
			if tc.want.How != "" {
				assert.NotZero(t, got.Culprit)
				assert.Contains(t, got.Said, got.Culprit)
			}
			assert.Equal(t, got.Works, got.Seconds > 0)
			got.Culprit, got.Said, got.Seconds = 0, nil, 0
			assert.Equal(t, tc.want, got)
		})
	}
}

func attempts(dir string) map[string]staged {
	up := "touch " + dir + "/up; exec sleep 600"
	isUp := "test -e " + dir + "/up"
	return map[string]staged{
		"works": {wire.App{
			Setup: []wire.Command{sh("true"), sh("mkdir -p " + dir + "/made")}, Services: []wire.Service{service(up, isUp)},
			Ask: sh("echo the answer; echo is 42; echo of course"), Expect: "^is [0-9]+$",
		}, outcome{Works: true, Answer: "is 42"}},
		"works without a service": {wire.App{Ask: sh("cat /proc/self/comm"), Expect: "^cat$"}, outcome{Works: true, Answer: "cat"}},
		"set-up fails": {wire.App{Setup: []wire.Command{sh("echo cannot >&2; exit 3")}, Ask: sh("true")},
			outcome{How: "sh ended with exit status 3"}},
		"service ends": {wire.App{Services: []wire.Service{service("echo Address in use; exit 1", "false")}, Ask: sh("true")},
			outcome{How: "sh ended with exit status 1"}},
		"service ends well": {wire.App{Services: []wire.Service{service("true", "sleep 600")}, Ask: sh("true")},
			outcome{How: "sh ended with exit status 0"}},
		"service ends as it is asked": {wire.App{
			Services: []wire.Service{service("until test -e "+dir+"/asked; do sleep 0.01; done; kill -SEGV $$", "")},
			Ask:      sh("touch " + dir + "/asked; exit 1"),
		}, outcome{How: "sh ended with signal: segmentation fault"}},
		"service is killed": {wire.App{Services: []wire.Service{service("kill -KILL $$", "sleep 600")}, Ask: sh("true")},
			outcome{How: "sh ended with signal: killed", Killed: true}},
		"never ready": {wire.App{Services: []wire.Service{service("exec sleep 600", "echo refused; false")}, Ask: sh("true")},
			outcome{How: "sh had no answer at the time limit", Started: true, Late: true}},
		"ready hangs": {wire.App{Services: []wire.Service{service("exec sleep 600", "exec sleep 600")}, Ask: sh("true")},
			outcome{How: "sh had no answer at the time limit", Started: true, Late: true}},
		"client hangs": {wire.App{Services: []wire.Service{service(up, isUp)}, Ask: sh("exec sleep 600")},
			outcome{How: "sh had no answer at the time limit", Started: true, Late: true}},
		"client fails": {wire.App{Services: []wire.Service{service(up, isUp)}, Ask: sh("echo is 42; exit 7"), Expect: "42"},
			outcome{How: "sh ended with exit status 7", Started: true}},
		"client fails without a service": {wire.App{Ask: sh("exit 7")}, outcome{How: "sh ended with exit status 7"}},
		"wrong answer": {wire.App{Services: []wire.Service{service(up, isUp)}, Ask: sh("echo 41; echo 42 >&2"), Expect: "42"},
			outcome{How: `sh answered "41\n", which does not match "42"`, Started: true}},
		"second service ends": {wire.App{Services: []wire.Service{service(up, isUp), service("exit 9", "false")}, Ask: sh("true")},
			outcome{How: "sh ended with exit status 9"}},
		"no such program": {wire.App{Ask: wire.Command{Argv: []string{"/nonexistent/client"}}},
			outcome{Fault: "fork/exec /nonexistent/client: no such file or directory"}},
		"no such user": {wire.App{Ask: wire.Command{Argv: []string{"true"}, User: "nosuchuser"}},
			outcome{Fault: "true: user: unknown user nosuchuser"}},
		"empty command": {wire.App{}, outcome{Fault: "empty command"}},
	}
}

// The most telling line may be in a service's output or in its log.
func TestSaid(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	s := service("echo starting; exit 1", "")
	s.Log = log
	require.NoError(t, os.WriteFile(log, []byte("bind: Address family not supported by protocol\nbye\n"), 0o644))
	o := (&attempt{}).run(t.Context(), wire.App{Services: []wire.Service{s}, Ask: sh("sleep 5")})
	assert.Equal(t, "bind: Address family not supported by protocol", o.Said[o.Culprit])
}

// Readiness checks leave most of the processor time to the service.
func TestServiceIsLeftAlone(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "asked")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	p := &attempt{}
	o := p.run(ctx, wire.App{Services: []wire.Service{service("exec sleep 60", "echo >>"+asked+"; sleep .3; exit 1")}})
	assert.True(t, o.Late)
	_ = p.services[0].cmd.Process.Kill()
	<-p.services[0].ended
	times, err := os.ReadFile(asked)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(times), 2)
}

func TestFinding(t *testing.T) {
	const server = 7
	failed := outcome{How: "server ended with exit status 1", Culprit: server, Said: map[int]string{server: "socket: Function not implemented"}}
	asked := failed
	asked.Started = true
	late := outcome{How: "client had no answer at the time limit", Started: true, Late: true, Culprit: server, Said: map[int]string{server: ""}}
	killed := failed
	killed.Killed = true
	calls := tracedCalls(t)
	for name, tc := range map[string]struct {
		first, second outcome
		calls         []trace.Call
		want          wire.Finding
	}{
		"works": {outcome{Works: true, Answer: "42", Seconds: 1.5}, outcome{}, nil,
			wire.Finding{Verdict: wire.Works, Detail: "answered 42", Numbers: map[string]float64{"seconds": 1.5}}},
		"does not start": {failed, withCulprit(failed, calls), calls,
			wire.Finding{Verdict: wire.Absent, Value: notStarted, Errno: "ENOENT", Call: `openat("/proc/net/no")`, Detail: "server ended with exit status 1; it said: socket: Function not implemented"}},
		"does not answer": {asked, withCulprit(asked, calls), calls,
			wire.Finding{Verdict: wire.Absent, Value: noAnswer, Errno: "ENOENT", Call: `openat("/proc/net/no")`, Detail: "server ended with exit status 1; it said: socket: Function not implemented"}},
		"fails by itself, no call": {failed, failed, nil,
			wire.Finding{Verdict: wire.Absent, Value: notStarted, Detail: "server ended with exit status 1; it said: socket: Function not implemented"}},
		"late, with a call": {late, withCulprit(late, calls), calls,
			wire.Finding{Verdict: wire.Absent, Value: noAnswer, Errno: "ENOENT", Call: `openat("/proc/net/no")`, Detail: "client had no answer at the time limit"}},
		"late, no call": {late, late, nil, wire.Finding{Verdict: wire.Inconclusive, Detail: "client had no answer at the time limit"}},
		"killed": {killed, withCulprit(killed, calls), calls,
			wire.Finding{Verdict: wire.Inconclusive, Errno: "ENOENT", Call: `openat("/proc/net/no")`, Detail: "server ended with exit status 1; it said: socket: Function not implemented"}},
		"works the second time": {failed, outcome{Works: true}, nil,
			wire.Finding{Verdict: wire.Inconclusive, Detail: "worked when retried; the first time server ended with exit status 1; it said: socket: Function not implemented"}},
		"a fault": {outcome{Fault: "no disk"}, outcome{}, nil, wire.Finding{Verdict: wire.Inconclusive, Detail: "no disk"}},
		"a fault the second time": {failed, outcome{Fault: "no ptrace"}, nil,
			wire.Finding{Verdict: wire.Inconclusive, Detail: "server ended with exit status 1; it said: socket: Function not implemented; when retried: no ptrace"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, finding(tc.first, tc.second, tc.calls))
		})
	}
}

// withCulprit returns an outcome whose culprit made the calls.
func withCulprit(o outcome, calls []trace.Call) outcome {
	o.Culprit = calls[0].Command
	o.Said = map[int]string{o.Culprit: ""}
	return o
}

// tracedCalls returns real failed calls, the last of which is decisive.
func tracedCalls(t *testing.T) []trace.Call {
	t.Helper()
	calls, err := trace.Run(t.Context(), exec.Command("sh", "-c", "cat /proc/net/no"), false)
	require.NoError(t, err)
	require.NotEmpty(t, calls)
	return calls
}

// reportEnv makes the test binary a sandbox that reports an answer of this many bytes.
const reportEnv = "NETSTRIP_TEST_REPORT"

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(reportEnv)); err == nil {
		text, _ := json.Marshal(outcome{Works: true, Answer: strings.Repeat("x", n)})
		_, _ = os.NewFile(reportFD, "report").Write(text)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A report of any length is read while the sandbox runs, traced or not.
func TestLongReport(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	for _, traced := range []bool{false, true} {
		for n, fault := range map[int]string{0: "", 70_000: "", maxReport / 2: "", 2 * maxReport: "the sandbox reported more than 1048576 bytes"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), reportEnv+"="+strconv.Itoa(n))
			o, _ := report(ctx, cmd, traced)
			require.NoError(t, ctx.Err())
			cancel()
			assert.Equal(t, fault, o.Fault)
			if fault == "" {
				assert.Len(t, o.Answer, n)
			}
		}
	}
}

// The expected answer may be anywhere in a long output and is reported shortened. If the
// output is cut off before a match, the attempt decides nothing.
func TestLongAnswer(t *testing.T) {
	for script, want := range map[string]outcome{
		"head -c 300000 /dev/zero | tr '\\0' x":                  {Works: true, Answer: strings.Repeat("x", 500) + "..."},
		"echo xy; head -c 300000 /dev/zero | tr '\\0' y":         {Works: true, Answer: "xy"},
		"head -c 300000 /dev/zero | tr '\\0' y; echo; echo xz":   {Works: true, Answer: "xz"},
		"echo xy; head -c 20000000 /dev/zero | tr '\\0' y":       {Works: true, Answer: "xy"},
		"head -c 20000000 /dev/zero | tr '\\0' y; echo; echo xz": {Fault: "the answer of sh was cut off at 8388608 bytes: answered"},
	} {
		got := (&attempt{began: time.Now()}).run(t.Context(), wire.App{Ask: sh(script), Expect: "^x"})
		got.Seconds, got.Fault = 0, strings.Split(got.Fault, " \"")[0]
		assert.Equal(t, want, got, script)
	}
}

// Sandboxed does nothing outside a sandbox.
func TestSandboxedRefusesAHost(t *testing.T) {
	require.NotEqual(t, 1, syscall.Getpid())
	assert.ErrorContains(t, Sandboxed([]string{"app/x/y", "1s"}), "process 1 of its own namespace")
}

func TestLoadWithoutATable(t *testing.T) {
	apps, err := Load()
	assert.NoError(t, err)
	assert.Empty(t, apps, "a host has no %s", wire.AppTable)
	_, err = Find("app/x/y")
	assert.ErrorContains(t, err, `"app/x/y"`)
}
