package vmtests

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/session"
)

// visitNoNet runs a script in a guest on no-net.
func visitNoNet(t *testing.T, s session.Session) (duplex.Ending, run.Visit) {
	t.Helper()
	r := newTestRunner(t, run.Options{Results: t.TempDir() + "/r.jsonl"})
	p, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	kernels, err := r.Build(t.Context(), []kconfigs.Profile{p})
	orSkip(t, err)
	var e duplex.Ending
	var ended error
	v, err := r.Visit(t.Context(), p, kernels[0], func(port io.ReadWriter) { e, ended = s.Run(t.Context(), port) })
	require.NoError(t, err)
	require.NoError(t, ended, "%s: %s\n%s", v.Outcome, v.Reason, v.Console)
	return e, v
}

// Megabytes pass in both directions, a program need not read its input, and all output arrives
// before the guest reboots.
func TestSession(t *testing.T) {
	const size = 4 << 20
	const script = `head -c 4194304 | md5sum; head -c 4194304 /dev/zero | tr '\0' x; echo end >&2; exit 9`
	request := duplex.Request{Command: wire.Command{Argv: []string{initramfs.Shell, "-c", script}}}
	var out, errs bytes.Buffer
	e, v := visitNoNet(t, session.Session{Request: request, Stdin: io.LimitReader(zeros{}, 3*size), Stdout: &out, Stderr: &errs})
	assert.Equal(t, duplex.Ending{Status: 9}, e)
	assert.Equal(t, record.Completed, v.Outcome, v.Reason)
	assert.Empty(t, v.Log)
	sum, rest, _ := strings.Cut(out.String(), "\n")
	assert.Equal(t, "b5cfa9d6c8febd618f91ac2843d50a1c  -", sum)
	assert.Equal(t, size, strings.Count(rest, "x"))
	assert.Len(t, rest, size)
	assert.Equal(t, "end\n", errs.String())
	assert.NotContains(t, string(v.Console), "xxxx", "the console is the kernel's")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
