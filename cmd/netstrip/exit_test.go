package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unexpected makes a record of a series that no expectation can be kept for.
func unexpected(profile string, o record.Outcome) record.Record {
	return record.Record{ID: "r/" + profile, Run: "r", Profile: profile, Series: "0.0", Outcome: o}
}

func TestFinish(t *testing.T) {
	_, request := kconfigs.Lookup("none")
	require.Error(t, request)
	interrupted := func(s syscall.Signal) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(process.Interruption(s))
		return ctx
	}
	plain := context.Background()
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		started bool
		err     error
		want    int
	}{
		{"all is well", plain, true, nil, 0},
		{"differs", plain, true, differsError{errors.New("x")}, 1},
		{"the command line", plain, false, errors.New("x"), 2},
		{"found out later", plain, true, fmt.Errorf("x: %w", usage.Error{Err: errors.New("y")}), 2},
		{"a request", plain, true, errors.Join(request, request), 2},
		{"the rig", plain, true, errors.New("x"), 3},
		{"SIGINT", interrupted(syscall.SIGINT), true, context.Canceled, 130},
		{"SIGTERM", interrupted(syscall.SIGTERM), true, errors.New("killed"), 143},
		{"interrupted when it was done", interrupted(syscall.SIGINT), true, nil, 0},
	} {
		var stderr strings.Builder
		a := &app{stderr: &stderr, started: tt.started}
		assert.Equal(t, tt.want, a.finish(tt.ctx, tt.err), tt.name)
		assert.Equal(t, tt.want != 0, strings.HasPrefix(stderr.String(), "netstrip: "), tt.name)
	}
}

func TestErrorsAreMarkedAndEscaped(t *testing.T) {
	var stderr strings.Builder
	a := &app{stderr: &stderr, started: true}
	a.finish(context.Background(), errors.Join(errors.New("one"), errors.New("two \x1b[2J")))
	assert.Equal(t, "netstrip: one\nnetstrip: two \\x1b[2J\n", stderr.String())
}

func TestEndOfARun(t *testing.T) {
	r := unexpected("no-net", record.Completed)
	r.Findings = []wire.Finding{{ID: "ipc/pipe", Verdict: wire.Works}, {ID: "socket/tcp4/loopback", Verdict: wire.Absent, Errno: "ENOSYS"}}
	var stdout strings.Builder
	a := &app{stdout: &stdout}
	require.NoError(t, a.showRecords([]record.Record{unexpected("full", record.Completed), r}, &flags{results: "my file.jsonl"}, true))
	assert.Contains(t, stdout.String(), "\nNo expectations for full, no-net on 0.0; compared with ")
	assert.True(t, strings.HasSuffix(stdout.String(), `
results: my file.jsonl
closer:  `+process.Quote(os.Args[0])+` show no-net@0.0 socket/tcp4/loopback --results 'my file.jsonl'
`), stdout.String())
}

func TestListCompletesEachNameOnce(t *testing.T) {
	complete := list(func() []string { return []string{"x86_64", "arm64", "riscv64"} })
	for begin, want := range map[string][]string{
		"": {"x86_64", "arm64", "riscv64"}, "arm64,": {"arm64,x86_64", "arm64,riscv64"}, "arm64,riscv64,a": nil, "arm": {"arm64"},
	} {
		got, _ := complete(nil, nil, begin)
		assert.Equal(t, want, got, begin)
	}
}
