package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
	n := p.run("no-net")
	n.start(t)
	when(t, "go build begins", func() bool { return strings.Contains(strings.Join(p.running(), "\n"), "go build") })
	require.NoError(t, n.Process.Kill())
	_ = n.Wait()
	p.assertNothingLeft(t)
	assert.Empty(t, p.kept(t))
	records := p.run("--resume").exits(t, 0).records(t)
	require.Len(t, records, 1)
	assert.Equal(t, record.Completed, records[0].Outcome)
}

// A run that is going on is nobody's to resume.
func TestResumeLeavesTheLivingAlone(t *testing.T) {
	p := newPlace(t, "initramfs")
	n := p.run(append(booted(), "--jobs", "1")...)
	n.start(t)
	when(t, "a boot", p.booting)
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
		"kernel": {strings.Replace(string(lines[0]), string(inputs), "0123456789", 1), "the source, the compiler, the fragments of the kernel or the init of full have changed"},
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
	assert.Equal(t, "netstrip: "+p.results+":4: skipped: not a record: truncated, or not JSON\n", n.stderr.String())
	file, err := record.Store{Path: p.results}.Open()
	require.NoError(t, err)
	defer file.Close()
	assert.Len(t, file.Records, 3)
	assert.Len(t, file.Damage, 1)
}

// A fragment of the user's is part of the plan: the file is not needed again. So is the
// choice of probes.
func TestResumeWithAFragment(t *testing.T) {
	p := newPlace(t, "initramfs")
	fragment := filepath.Join(t.TempDir(), "mine.config")
	// What no-net has anyway, so that its kernel is another's.
	require.NoError(t, os.WriteFile(fragment, []byte("# CONFIG_NET is not set\n"), 0o644))
	n := p.run("no-net", "--fragment", fragment, "--probes", "lo/m*,perf/pipe")
	n.start(t)
	when(t, "a boot", p.booting)
	require.NoError(t, n.Process.Kill())
	_ = n.Wait()
	require.NoError(t, os.Remove(fragment))
	records := p.run("--resume").exits(t, 0).records(t)
	require.Len(t, records, 1)
	assert.Equal(t, "no-net+mine", records[0].Profile)
	assert.Equal(t, []string{"lo/mtu", "perf/pipe"}, records[0].Hello.Probes)
	p.run("--resume", "no-net").exits(t, 2)
}
