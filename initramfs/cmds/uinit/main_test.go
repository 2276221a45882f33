//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/kmod"
	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/all"
	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestRunChild(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, runChild(w, []string{"socket/unix/socketpair", "lo/ifindex"}))
	assert.ErrorContains(t, runChild(w, []string{"no/such"}), `"no/such"`)
	w.Close()
	lines := bufio.NewScanner(r)
	for _, id := range []string{"socket/unix/socketpair", "lo/ifindex"} {
		require.True(t, lines.Scan())
		f, cause := parseFinding(lines.Bytes(), id)
		assert.Empty(t, cause)
		assert.Equal(t, wire.Works, f.Verdict, "%+v", f)
	}
	assert.False(t, lines.Scan())
}

func TestParameter(t *testing.T) {
	const cmdline = "console=ttyS0 netstrip.probes=lo/* panic=-1 xnetstrip.probes=no netstrip.probes=\"a,b\"\n"
	assert.Equal(t, "a,b", parameter(cmdline, wire.ParamProbes))
	assert.Equal(t, "-1", parameter(cmdline, "panic"))
	assert.Empty(t, parameter(cmdline, "pani"))
	assert.Empty(t, parameter("", wire.ParamProbes))
}

// A list that is too long for the command line is read from the initramfs.
func TestAsked(t *testing.T) {
	file := t.TempDir() + "/probes"
	got, err := asked("x netstrip.probes=lo/*", file)
	require.NoError(t, err)
	assert.Equal(t, "lo/*", got)
	require.NoError(t, os.WriteFile(file, []byte("lo/up,lo/mtu"), 0o644))
	got, err = asked("x", file)
	require.NoError(t, err)
	assert.Equal(t, "lo/up,lo/mtu", got)
	_, err = asked("x", t.TempDir())
	assert.ErrorContains(t, err, "reading the list of probes: ")
}

// The expectations of the profile lo-down check that it sets lo down in a guest.
func TestSetLo(t *testing.T) {
	assert.NoError(t, setLo("panic=-1"))
	assert.EqualError(t, setLo("netstrip.lo=up"), `setting lo: netstrip.lo is "up", want down`)
}

// The corpus is the /proc/meminfo of a guest.
func TestMeminfo(t *testing.T) {
	text, err := os.ReadFile("testdata/meminfo.txt")
	require.NoError(t, err)
	assert.EqualValues(t, 246252, meminfo(string(text), "MemTotal"))
	assert.EqualValues(t, 228016, meminfo(string(text), "MemAvailable"))
	assert.Zero(t, meminfo(string(text), "Mem"))
	assert.Zero(t, meminfo("MemTotal: x kB\nMemTotal\n", "MemTotal"))
}

func TestHello(t *testing.T) {
	h := hello("/dev/vport0p1", tasks(all.Probes()), &kmod.Watch{})
	assert.Equal(t, wire.Version, h.Version)
	assert.Equal(t, "/dev/vport0p1", h.Channel)
	assert.Len(t, h.Probes, len(all.Probes()))
	assert.NotEmpty(t, h.Release)
	assert.Positive(t, h.MemTotalKB)
	line, err := json.Marshal(h)
	require.NoError(t, err)
	assert.Less(t, len(line), wire.MaxLine/4, "the hello event nears the limit of a line")
}

func TestAllowanceExceedsAllDeadlines(t *testing.T) {
	three := []probes.Probe{{}, {Limit: time.Minute}, {}}
	assert.Equal(t, grace+time.Minute+2*probes.Probe{}.Deadline(), allowance(tasks(three)))
}

func TestWithin(t *testing.T) {
	assert.NoError(t, within(time.Minute, func() error { return nil }))
	broken := errors.New("broken")
	assert.ErrorIs(t, within(time.Minute, func() error { return broken }), broken)
	forever := make(chan error)
	assert.ErrorContains(t, within(time.Millisecond, func() error { return <-forever }), "took nothing")
}

// An ordinary terminal would turn each LF into CR LF, which changes the lengths of lines.
func TestRawTTY(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	defer master.Close()
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	path := "/dev/pts/" + strconv.Itoa(n)
	require.NoError(t, rawTTY(path))
	tty, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	defer tty.Close()
	_, err = tty.WriteString("{}\n")
	require.NoError(t, err)
	buf := make([]byte, 16)
	k, err := master.Read(buf)
	require.NoError(t, err)
	assert.Equal(t, "{}\n", string(buf[:k]))
}

func TestRawTTYRefusesWhatIsNone(t *testing.T) {
	assert.ErrorIs(t, rawTTY("/dev/null"), unix.ENOTTY)
	assert.ErrorIs(t, rawTTY("/nonexistent/tty"), unix.ENOENT)
}
