package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Killed at any moment, netstrip leaves nothing behind but whole records, and the rest
// of the run can be had later.
func TestKilledAtAnyMoment(t *testing.T) {
	p := newPlace(t, "initramfs")
	p.run(booted()...).exits(t, 0)
	for range 6 {
		after := time.Duration(rand.Int64N(int64(4 * time.Second)))
		n := p.run(booted()...)
		n.start(t)
		<-time.After(after)
		_ = n.Process.Kill() // it may have ended
		_ = n.Wait()
		p.assertNothingLeft(t)
		before := len(p.kept(t))
		again := p.run("--resume").exits(t, 0)
		if strings.Contains(again.stderr.String(), "nothing to resume") {
			t.Logf("killed after %v, before the run had begun or after its end", after.Round(time.Millisecond))
			continue
		}
		assertWhole(t, again.records(t))
		assert.NotContains(t, again.stderr.String(), "\n\n")
		t.Logf("killed after %v, %d boots missing", after.Round(time.Millisecond), len(p.kept(t))-before)
	}
	runs := record.ByRun(p.kept(t))
	for _, run := range runs {
		assert.Len(t, run, len(booted()), "nothing is booted twice, nothing is missing")
	}
}

func TestInterrupted(t *testing.T) {
	for _, tc := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}} {
		t.Run(tc.signal.String(), func(t *testing.T) {
			p := newPlace(t, "initramfs")
			n := p.run(append(booted(), "--jobs", "1")...)
			n.start(t)
			when(t, "a second boot", func() bool {
				return len(p.kept(t)) == 1 && strings.Contains(strings.Join(p.running(), "\n"), "qemu-system")
			})
			require.NoError(t, n.Process.Signal(tc.signal))
			assert.Equal(t, tc.code, n.ended(t))
			oneLine(t, n, "netstrip: interrupted by SIG")
			p.assertNothingLeft(t)
			first := p.kept(t)
			require.NotEmpty(t, first)

			records := p.run("--resume").exits(t, 0).records(t)
			assertWhole(t, records)
			assert.Contains(t, records, first[0], "what was there is not booted again")
			assert.Contains(t, p.run("--resume").exits(t, 0).stderr.String(), "netstrip: nothing to resume in "+p.results)
		})
	}
}

// QEMU is started by way of setpriv, which sets the signal that kills it with netstrip.
// Here that takes so long that netstrip is dead before.
func TestKilledBeforeQEMUIsTiedToIt(t *testing.T) {
	p := newPlace(t, "initramfs")
	bin := t.TempDir()
	script := "#!/bin/sh\nset -e\n: >" + bin + "/begun\nwhile test ! -e " + bin + "/killed; do sleep 0.01; done\n" +
		"PATH=${PATH#*:}\nexec setpriv \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "setpriv"), []byte(script), 0o755))
	p.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	n := p.run("no-net")
	n.start(t)
	when(t, "setpriv begins", func() bool { _, err := os.Stat(bin + "/begun"); return err == nil })
	require.NoError(t, n.Process.Kill())
	_ = n.Wait()
	require.NoError(t, os.WriteFile(bin+"/killed", nil, 0o644))
	p.assertNothingLeft(t)
}

func TestKilledWhileItBuildsTheImage(t *testing.T) {
	p := newPlace(t)
	gotmp := t.TempDir()
	p.env = []string{"TMPDIR=" + gotmp, "GOTMPDIR="}
	n := p.run("no-net")
	n.start(t)
	when(t, "go build begins", func() bool { return strings.Contains(strings.Join(p.running(), "\n"), "go build") })
	require.NoError(t, n.Process.Kill())
	_ = n.Wait()
	p.assertNothingLeft(t)
	assert.Empty(t, p.kept(t))
	left, err := os.ReadDir(gotmp)
	require.NoError(t, err)
	assert.Empty(t, left, "go build's own temporary directory is gone too")
	records := p.run("--resume").exits(t, 0).records(t)
	require.Len(t, records, 1)
	assert.Equal(t, record.Completed, records[0].Outcome)
}

func TestTwoAtOnce(t *testing.T) {
	p := newPlace(t) // and both want the image built
	one, two := p.run(booted()...), p.run(booted()...)
	one.start(t)
	two.start(t)
	for _, n := range []*netstrip{one, two} {
		require.Zero(t, n.ended(t), n.stderr.String())
		assertWhole(t, n.records(t))
	}
	runs := record.ByRun(p.kept(t))
	require.Len(t, runs, 2)
	assert.Len(t, runs[0], len(booted()))
	assert.Len(t, runs[1], len(booted()))
	p.assertNothingLeft(t)
}

// A run that is going on is nobody's to resume.
func TestResumeLeavesTheLivingAlone(t *testing.T) {
	p := newPlace(t, "initramfs")
	n := p.run(append(booted(), "--jobs", "1")...)
	n.start(t)
	when(t, "a boot", func() bool { return strings.Contains(strings.Join(p.running(), "\n"), "qemu-system") })
	other := p.run("--resume").exits(t, 0)
	assert.Contains(t, other.stderr.String(), "nothing to resume in "+p.results)
	assert.Empty(t, other.records(t))
	require.Zero(t, n.ended(t))
	assertWhole(t, n.records(t))
}

// What the run began with is gone: its records and new ones could not be compared.
func TestResumeRefusesWhatHasChanged(t *testing.T) {
	p := newPlace(t, "initramfs")
	p.run(booted()...).exits(t, 0)
	data, err := os.ReadFile(p.results)
	require.NoError(t, err)
	lines := bytes.SplitAfter(data, []byte("\n"))
	image := p.kept(t)[0].Initramfs.Key
	inputs := func() []byte { i := bytes.Index(lines[0], []byte(`"inputs":"`)); return lines[0][i+10 : i+20] }()
	for name, tc := range map[string]struct {
		text, want string
	}{
		"image":  {strings.ReplaceAll(string(data[:len(data)-len(lines[3])]), image, "0123"), "the initramfs has changed (it is " + image[:12] + ", and "},
		"kernel": {strings.Replace(string(lines[0]), string(inputs), "0123456789", 1), "the source, the compiler or the fragments of the kernel full have changed"},
	} {
		require.NoError(t, os.WriteFile(p.results, []byte(tc.text), 0o644))
		n := p.run("--resume").exits(t, 2)
		oneLine(t, n, tc.want)
		assert.Contains(t, n.stderr.String(), "start a new run", name)
		after, err := os.ReadFile(p.results)
		require.NoError(t, err)
		assert.Equal(t, tc.text, string(after), "nothing was added")
	}
}

// Damage is told, and what it took away is booted again.
func TestResumeAfterDamage(t *testing.T) {
	p := newPlace(t, "initramfs")
	p.run(booted()...).exits(t, 0)
	data, err := os.ReadFile(p.results)
	require.NoError(t, err)
	lines := bytes.SplitAfter(data, []byte("\n"))
	require.NoError(t, os.WriteFile(p.results, data[:len(data)-len(lines[3])/2], 0o644)) // the last line torn
	n := p.run("--resume").exits(t, 0)
	assertWhole(t, n.records(t))
	assert.Equal(t, "netstrip: "+p.results+":4: skipped: not a record: cut off, or no JSON\n", n.stderr.String())
	records, damage, err := record.Load(p.results)
	require.NoError(t, err)
	assert.Len(t, records, 3)
	assert.Len(t, damage, 1)
}

// A fragment of the user's is part of the plan: the file is not needed again.
func TestResumeWithAFragment(t *testing.T) {
	p := newPlace(t, "initramfs")
	fragment := filepath.Join(t.TempDir(), "mine.config")
	// What no-net has anyway, so that its kernel is another's.
	require.NoError(t, os.WriteFile(fragment, []byte("# CONFIG_NET is not set\n"), 0o644))
	n := p.run("no-net", "--fragment", fragment)
	n.start(t)
	when(t, "a boot", func() bool { return strings.Contains(strings.Join(p.running(), "\n"), "qemu-system") })
	require.NoError(t, n.Process.Kill())
	_ = n.Wait()
	require.NoError(t, os.Remove(fragment))
	records := p.run("--resume").exits(t, 0).records(t)
	require.Len(t, records, 1)
	assert.Equal(t, "no-net+mine", records[0].Profile)
	p.run("--resume", "no-net").exits(t, 2)
}
