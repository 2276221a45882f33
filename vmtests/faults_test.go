package vmtests

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

var (
	faultTries = flag.Int("faults.tries", 1, "how often TestFaults tries each fault")
	faultTable = flag.String("faults.table", "", "the file that TestFaults writes its table to, as Markdown")
)

// testGuest returns a guest without networking that completes, and the image with faulty as its
// program.
func testGuest(t *testing.T) (good guest.Guest, faultyImage string) {
	t.Helper()
	runner := newTestRunner(t, run.Options{})
	c, err := cache.Open("")
	require.NoError(t, err)
	profile, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	kernels, err := runner.Build(t.Context(), []kconfigs.Profile{profile})
	require.NoError(t, err)
	image, err := initramfs.Build(t.Context(), initramfs.Options{Cache: c})
	require.NoError(t, err)
	faulty, err := initramfs.Build(t.Context(), initramfs.Options{Cache: c, Uinit: "faulty"})
	require.NoError(t, err)
	qemu, err := exec.LookPath(arch.Default().QEMU)
	require.NoError(t, err)
	return guest.Guest{
		Accel: accel.TCG, MemoryMiB: 128, QEMU: qemu, Kernel: kernels[0].Boot, Image: image.Path,
		Limits: guest.LimitsFor(accel.TCG),
	}, faulty.Path
}

// TestFaults causes each fault and checks the result: the right outcome and reason, nothing left
// behind, nothing lost. It causes each once, in parallel, unless -faults.tries is larger; then one
// fault after the other, so that leftovers can be attributed.
func TestFaults(t *testing.T) {
	good, faultyImage := testGuest(t)
	// The garbage collector would close forgotten files.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(2 << 30))
	t.Setenv("TMPDIR", t.TempDir())
	cases := part(ownShard(t), faultCases())
	rows := make([]faultRow, len(cases))
	one := func(t *testing.T, i int) {
		rows[i] = runCase(t, good, faultyImage, cases[i])
	}
	before := takeStock(t)
	if *faultTries > 1 {
		for i, c := range cases {
			before := takeStock(t)
			t.Run(c.name, func(t *testing.T) { one(t, i) })
			rows[i].left = before.leftBehind(t)
			assert.Empty(t, rows[i].left, "%s: left behind", c.name)
		}
	} else {
		t.Run("each", func(t *testing.T) {
			for i, c := range cases {
				t.Run(c.name, func(t *testing.T) { t.Parallel(); one(t, i) })
			}
		})
	}
	assert.Empty(t, before.leftBehind(t), "left behind")
	if *faultTable != "" {
		require.NoError(t, cache.WriteFile(*faultTable, []byte(faultsTable(rows))))
	}
}

// faultRow is the result of all tries of a fault.
type faultRow struct {
	faultCase
	tries, right, lost int
	left               []string
	longest            time.Duration
}

// runCase causes a fault -faults.tries times, two at a time.
func runCase(t *testing.T, good guest.Guest, faultyImage string, c faultCase) faultRow {
	g := c.guest(t, good, faultyImage)
	row := faultRow{faultCase: c}
	var mu sync.Mutex
	var workers sync.WaitGroup
	next := make(chan struct{})
	for range 2 {
		workers.Go(func() {
			for range next {
				start := time.Now()
				r, err := guest.Boot(t.Context(), c.armed(g))
				rec := record.Record{Outcome: r.Outcome, Findings: r.Findings, Notices: r.Notices}
				expect.Settle(&rec, nil)
				r.Findings, r.Notices = rec.Findings, rec.Notices
				mu.Lock()
				took := time.Since(start)
				wrong, lost := c.wrong(r, err, took), c.lost(r)
				row.note(wrong, lost, took)
				if wrong != "" || lost != "" {
					t.Errorf("%s %s\noutcome %s: %s\nnotices %q\nlast of the console:\n%s", wrong, lost, r.Outcome, r.Reason, r.Notices, lastLines(r))
				}
				mu.Unlock()
			}
		})
	}
	for range *faultTries {
		next <- struct{}{}
	}
	close(next)
	workers.Wait()
	return row
}

func (row *faultRow) note(wrong, lost string, took time.Duration) {
	row.tries++
	if wrong == "" {
		row.right++
	}
	if lost != "" {
		row.lost++
	}
	row.longest = max(row.longest, took)
}

// guest returns the guest with the fault.
func (c faultCase) guest(t *testing.T, g guest.Guest, faultyImage string) guest.Guest {
	if c.fault != "" {
		g.Image = faultyImage
		g.KernelArgs = []string{wire.ParamFault + "=" + string(c.fault)}
	}
	if c.asInit {
		g.KernelArgs = append(g.KernelArgs, "rdinit=/bin/uinit")
	}
	g.KernelArgs = append(g.KernelArgs, c.args...)
	if c.change != nil {
		c.change(t, &g)
	}
	return g
}

// armed returns the guest for one try, which sends QEMU the signal.
func (c faultCase) armed(g guest.Guest) guest.Guest {
	if c.signal != 0 {
		g.Reached = func(s guest.Milestone, qemu int) {
			if s == c.at && qemu > 0 {
				_ = syscall.Kill(qemu, c.signal) // if it is gone, the outcome shows it
			}
		}
	}
	return g
}

// patience bounds a fault: a boot that ends only at its total limit did not notice the fault.
const patience = time.Minute

// wrong says what is wrong with a result, "" if nothing is.
func (c faultCase) wrong(r guest.Result, err error, took time.Duration) string {
	notices := strings.Join(r.Notices, "\n")
	switch {
	case err != nil:
		return err.Error()
	case took > patience:
		return fmt.Sprintf("it took %s.", took)
	case r.Outcome != c.want:
		return fmt.Sprintf("the outcome is not %q.", c.want)
	case !strings.Contains(r.Reason, c.reason) || c.reason == "" && r.Reason != "":
		return fmt.Sprintf("%q is not in the reason.", c.reason)
	case !strings.Contains(notices, c.notice) || c.notice == "" && notices != "":
		return fmt.Sprintf("the notices are not %q.", c.notice)
	}
	return ""
}

// lost says what the guest did before its fault that the record lacks, "" if nothing.
func (c faultCase) lost(r guest.Result) string {
	at := []float64{
		guest.FirstByte: r.Phases.FirstByte, guest.Banner: r.Phases.Banner, guest.InitStarted: r.Phases.Init,
		guest.ProbeBegun: r.Phases.FirstEvent, guest.Done: r.Phases.Done,
	}
	for s := guest.FirstByte; s <= c.reaches; s++ {
		if at[s] == 0 {
			return fmt.Sprintf("LOST: milestone %d of %v.", s, at)
		}
	}
	if c.reaches >= guest.ProbeBegun && (r.Hello == nil || len(r.Findings) != wire.FaultFindings) {
		return fmt.Sprintf("LOST: %d findings of %d are there.", len(r.Findings), wire.FaultFindings)
	}
	return ""
}

func lastLines(r guest.Result) string {
	lines := strings.Split(string(r.Console), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// stock is what this process has open, running and lying about.
type stock struct {
	fds, children, files map[string]bool
	goroutines           int
}

func takeStock(t *testing.T) stock {
	t.Helper()
	s := stock{map[string]bool{}, map[string]bool{}, map[string]bool{}, runtime.NumGoroutine()}
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, d := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + d.Name()); err == nil { // not that of ReadDir itself
			s.fds[d.Name()+" "+to] = true
		}
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		data, _ := os.ReadFile(path) // others come and go
		head, rest, _ := strings.Cut(string(data), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == fmt.Sprint(os.Getpid()) {
			s.children[head+")"] = true
		}
	}
	require.NoError(t, filepath.WalkDir(os.TempDir(), func(path string, _ os.DirEntry, err error) error {
		s.files[path] = true
		return err
	}))
	return s
}

// leftBehind says what is there that was not there before. It waits a little for
// goroutines on their way out.
func (before stock) leftBehind(t *testing.T) []string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(3 * time.Second); ; <-tick.C {
		now := takeStock(t)
		var left []string
		left = append(left, more("descriptor", before.fds, now.fds)...)
		left = append(left, more("process", before.children, now.children)...)
		left = append(left, more("file", before.files, now.files)...)
		if n := now.goroutines - before.goroutines; n > 0 {
			left = append(left, fmt.Sprintf("%d goroutines", n))
		}
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

func more(what string, before, now map[string]bool) []string {
	var out []string
	for k := range now {
		if !before[k] {
			out = append(out, what+" "+k)
		}
	}
	return out
}

// faultsTable shows the rows as Markdown.
func faultsTable(rows []faultRow) string {
	var b strings.Builder
	b.WriteString("| fault | outcome | tries | right outcome | left behind | lost | longest |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %.1f s |\n",
			r.name, r.want, r.tries, r.right, len(r.left), r.lost, r.longest.Seconds())
	}
	return b.String()
}
