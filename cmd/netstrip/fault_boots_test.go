package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/record"
)

// boots are the faults of what stands in QEMU's place, and of time.
func boots() []fault {
	return []fault{
		{"netstrip is stopped during a boot", "exit 0", nil, stoppedAndContinued},
		{"QEMU ends at once with status 0", "exit 3", func(t *testing.T, p *place) {
			p.instead(t, `case "$*" in *--version*) exec "$qemu" "$@";; esac; exit 0`)
		}, func(t *testing.T, p *place, _ int) {
			rec := p.run("no-net").exits(t, 3).records(t)[0]
			assert.Equal(t, record.QEMUFailed, rec.Outcome)
		}},
		{"QEMU warns before it says its version", "exit 0", func(t *testing.T, p *place) {
			p.instead(t, `case "$*" in *--version*) head -c 10000000 /dev/zero >&2; echo "warning: odd" >&2;; esac; exec "$qemu" "$@"`)
		}, func(t *testing.T, p *place, _ int) {
			rec := p.run("no-net").exits(t, 0).records(t)[0]
			assert.Regexp(t, `^[0-9]+\.[0-9]+`, rec.Machine.QEMU)
			assert.Less(t, len(rec.Machine.QEMU), 200)
		}},
		{"KVM is asked for and no guest gets on under it", "exit 3", brokenKVM, noVerdict},
	}
}

// brokenKVM puts something in QEMU's place that runs guests under KVM as a kernel does that
// has no console and no init: it is reset in silence. Under TCG it is QEMU.
func brokenKVM(t *testing.T, p *place) {
	p.instead(t, `case " $* " in *' -accel kvm '*)
for a; do shift; case "$a" in kvm) a=tcg;; console=*) a="console=tty9 rdinit=/none panic=-1 reboot=t";; esac; set -- "$@" "$a"; done;; esac
exec "$qemu" "$@"`)
}

// instead has a script in QEMU's place, which it calls $qemu.
func (p *place) instead(t *testing.T, script string) {
	t.Helper()
	qemu, err := exec.LookPath("qemu-system-x86_64")
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(bin), 0o755)) // under TCG nobody runs it
	require.NoError(t, os.WriteFile(filepath.Join(bin, filepath.Base(qemu)), []byte("#!/bin/sh\nqemu="+qemu+"\n"+script+"\n"), 0o755))
	p.env = append(p.env, "PATH="+bin+":"+os.Getenv("PATH"))
}

func noVerdict(t *testing.T, p *place, _ int) {
	n := p.netstrip("run", "no-net", "--quiet", "--accel", "kvm", "--results", p.results).exits(t, 3)
	assert.Equal(t, "netstrip: infrastructure failure, no result for no-net\n", n.stderr.String())
	assert.Contains(t, n.stdout.String(), "\nno-net: silent under KVM; the same kernel completed under TCG: suspect /dev/kvm\n")
	assert.Contains(t, n.stdout.String(), "\nno-net has no verdict: infrastructure failure (qemu-failed).\nNo probe was run.\n")
	assert.NotContains(t, n.stdout.String(), "did not complete")
	assert.NotContains(t, n.stdout.String(), "differs from its expectation")
}

// stoppedAndContinued stops netstrip for a while. What it then measures is not the guest's
// time.
func stoppedAndContinued(t *testing.T, p *place, _ int) {
	n := p.run("no-net")
	n.start(t)
	// Not when QEMU is asked for its version.
	when(t, "a boot", func() bool { return strings.Contains(strings.Join(p.running(), "\n"), " -kernel ") })
	require.NoError(t, n.Process.Signal(syscall.SIGSTOP))
	<-time.After(3 * time.Second)
	require.NoError(t, n.Process.Signal(syscall.SIGCONT))
	require.Zero(t, n.ended(t), n.stderr.String())
	p.over(t, n)
	rec := n.records(t)[0]
	assert.Equal(t, record.Completed, rec.Outcome, rec.Reason)
	assert.Zero(t, rec.Phases)
	assert.Contains(t, strings.Join(rec.Notices, "\n"), "no times are recorded")
}
