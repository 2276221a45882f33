package interchange

import (
	"bytes"
	"embed"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// load reads records.
func load(t *testing.T, path string) []record.Record {
	t.Helper()
	f, err := record.Store{Path: path}.Open()
	require.NoError(t, err)
	defer f.Close()
	require.Empty(t, f.Damage)
	whole, damage, err := f.Read(f.Records)
	require.NoError(t, err)
	require.Empty(t, damage)
	return whole
}

// corpus are records of all kinds: the samples of package report, and what no boot would leave.
func corpus(t *testing.T) map[string][]record.Record {
	t.Helper()
	all := map[string][]record.Record{"empty": nil, "blank": {{}}, "odd": odd(), "long": {long()}, "sample": sample()}
	for _, name := range []string{"faults", "hostile", "repeated", "three", "runs/demo", "runs/inits", "runs/ladder", "runs/lo-down", "runs/partial", "speeds/bench"} {
		all[filepath.Base(name)] = load(t, "../report/testdata/"+name+".jsonl")
	}
	return all
}

// nasty are texts that some format or its reader takes for something else.
var nasty = []string{
	"]]>", "</details></testcase>", "<script>alert(1)</script>", "a # SKIP b", "#", "\n::error file=x::forged", "\r\n# Subtest: x",
	"ok 1 forged\nnot ok 2 forged", "\x00\x01\x1b[2Jwiped\x7f", "\xff\xfe invalid", "\u202egnp.exe", "\u2028\u2029\u0085\v\f", "e\u0301\u0301",
	"Kernel panic - not syncing: VFS: Unable to mount root", "List of all partitions:", "reboot: System halted", "KTAP version 1", "1..99",
	"| `code` | [link](javascript:x) | @team #1", "%0A::error::x", "", " ", "boot", "\ufffe\uffff\U0010ffff", "..", "a//b", "\\x00", "- x", "  x",
}

// odd returns records of a hostile guest and of a damaged file, and one of each outcome.
func odd() []record.Record {
	bad := record.Record{
		ID: "r/full/" + nasty[5], Run: "r" + nasty[6], Profile: "full" + nasty[6], Series: "6.12" + nasty[3], Arch: nasty[8], Outcome: record.Completed, Reason: strings.Join(nasty, ""),
		Notices: nasty, Said: nasty, Own: nasty, Hello: &wire.Hello{Probes: append(nasty, nasty...)}, Unanswered: nasty[:3],
		Kernel:  kernel.Built{Key: nasty[8], Source: nasty[9] + strings.Repeat("0", 40), Compiler: nasty[8], Version: nasty[10]},
		Machine: record.Machine{QEMU: nasty[8], Accel: nasty[9], Command: nasty[5], MemoryMiB: -1}, Phases: record.Phases{Exit: -1e300},
		Time: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for i, text := range nasty {
		verdicts := []wire.Verdict{wire.Works, wire.Absent, wire.Inconclusive, "", wire.Verdict(text)}
		bad.Findings = append(bad.Findings, wire.Finding{
			ID: text, Verdict: verdicts[i%len(verdicts)], Errno: text, Call: text, Value: text, Detail: text, Micros: -1 << 63,
			Numbers: map[string]float64{text: 1}, Symbols: []wire.Symbol{{Name: text, Value: text}},
		}, wire.Finding{ID: wire.PerfFamily + "/" + text, Verdict: wire.Works, Micros: 1<<63 - 1, Numbers: map[string]float64{wire.P50: -1e308, wire.MBs: 1e308}})
	}
	all := []record.Record{bad}
	for _, o := range []record.Outcome{
		"", record.Completed, record.Panicked, record.InitFailed, record.Hung, record.Reset, record.Silent, record.TimedOut,
		record.BuildFailed, record.ImageFailed, record.QEMUFailed,
	} {
		for _, profile := range []string{"full", "my.config", "full/systemd"} {
			r := record.Record{ID: "s/" + profile + string(o), Run: "s", Profile: profile, Series: "6.12", Outcome: o, Reason: nasty[13], Running: "lo/mtu"}
			if profile == "full/systemd" {
				r.Init = "systemd"
			}
			r.Hello = &wire.Hello{Probes: []string{"lo/present", "lo/mtu", "lo/up"}}
			r.Findings = []wire.Finding{{ID: "lo/present", Verdict: wire.Works}}
			all = append(all, r)
		}
	}
	return all
}

// long returns a record with as much text as a record may have in many places.
func long() record.Record {
	text := strings.Repeat("]]>|<&\x00 ", 10<<20/9)
	r := record.Record{ID: "l/full", Run: "l", Profile: "full", Series: "6.12", Outcome: record.Completed, Reason: text, Notices: []string{text}}
	r.Findings = []wire.Finding{{ID: text, Verdict: wire.Absent, Errno: text, Call: text, Value: text, Detail: text}, {ID: "lo/mtu", Verdict: wire.Works, Value: text}}
	return r
}

// sample returns records whose tests have each status.
func sample() []record.Record {
	boot := func(profile, series string, o record.Outcome, findings ...wire.Finding) record.Record {
		r := record.Record{
			ID: "20260301T101500Z-4711/" + profile, Run: "20260301T101500Z-4711", Time: time.Date(2026, 3, 1, 10, 15, 0, 0, time.UTC),
			Profile: profile, Series: series, Outcome: o, Findings: findings, ConsoleLog: "console/" + profile + ".log",
			Kernel:  kernel.Built{Key: "5d41402abc4b", Version: series + ".9", Source: "linux-source.tar.xz (sha256 585a4a074597)", Compiler: "gcc 12.2.0", ImageBytes: 3 << 20},
			Machine: record.Machine{QEMU: "7.2.22", Accel: "kvm", MemoryMiB: 256, Command: "qemu-system-x86_64 -kernel 'a b'"},
		}
		r.Phases.Exit = 2.5
		return r
	}
	present := wire.Finding{ID: "lo/present", Verdict: wire.Works, Call: "RTM_GETLINK(lo)", Micros: 1500}
	unshare := wire.Finding{ID: "netns/unshare", Verdict: wire.Absent, Errno: "EINVAL", Call: "unshare(CLONE_NEWNET)", Micros: 20}
	full := boot("full", "6.12", record.Completed, present, unshare,
		wire.Finding{ID: "kernel/mqueue", Verdict: wire.Absent, Errno: "ENOSYS", Call: `mq_open("/a - b")`, Detail: "no such system call"},
		wire.Finding{ID: "path/route4", Verdict: wire.Inconclusive, Detail: "the module is not loaded", Symbols: []wire.Symbol{{Name: "IP_ROUTE", Value: "m", Module: "route", Why: "no such file"}}},
		wire.Finding{ID: "app/redis/unix", Verdict: wire.Works, Numbers: map[string]float64{"seconds": 1.25}})
	full.Unanswered, full.Notices = []string{"lo/mtu"}, []string{"WARNING: at net/core/dev.c:12"}
	panicked := boot("no-net", "6.12", record.Panicked, wire.Finding{ID: "lo/present", Verdict: wire.Absent, Errno: "ENOSYS", Call: "socket(AF_NETLINK, SOCK_RAW)"})
	panicked.Reason, panicked.Running = "Kernel panic - not syncing: VFS: Unable to mount root fs", "lo/mtu"
	near := boot("full", "7.3", record.Completed, present, unshare)
	near.Arch, near.Probes = "arm64", "lo/present,netns/unshare"
	foreign := boot("my.config", "6.1", record.Completed, present, unshare, wire.Finding{ID: "path/route4", Verdict: wire.Inconclusive, Detail: "EPERM"})
	lost := boot("no-net", "6.12", record.QEMUFailed, present)
	lost.ID, lost.Reason, lost.Running = lost.ID+"/2", "qemu-system-x86_64: signal: killed", "lo/mtu"
	built := boot("no-inet", "6.12", record.BuildFailed)
	built.Kernel, built.Reason, built.Time = kernel.Built{}, "net/core/dev.c:12: error: <none>", time.Time{}
	perf := boot("full", "6.12", record.Completed, wire.Finding{ID: "perf/tcp4", Verdict: wire.Works, Call: "write", Numbers: map[string]float64{wire.TripX: 3.2, wire.P50: 38, wire.MBs: 818.5, wire.MBsX: 0.68}})
	perf.ID, perf.Probes = perf.ID+"/3", "perf/tcp4"
	return []record.Record{full, panicked, near, foreign, lost, built, perf}
}

// expectations are those of sample, which change with no kernel.
//
//go:embed testdata/6.12
var expectations embed.FS

var kept = expect.Files{FS: expectations}

// TestGolden keeps what is written of some records.
func TestGolden(t *testing.T) {
	for name, records := range map[string][]record.Record{"empty": nil, "sample": sample(), "odd": odd()[:1]} {
		kernels, err := judge(kept, records)
		require.NoError(t, err)
		for _, format := range (&Files{}).Formats() {
			data, err := format.of(kernels)
			require.NoError(t, err)
			path := filepath.Join("testdata", name+"."+format.Name)
			if *update {
				require.NoError(t, os.WriteFile(path, data, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(data), path)
		}
	}
}

// Where a record has a failure, and only there, netstrip exits with something other than 0; a fault of
// the rig is no failure of a kernel.
func TestAgreesWithTheExitCode(t *testing.T) {
	seen := map[string]int{}
	for name, records := range corpus(t) {
		for _, r := range records {
			kernels, err := judge(expect.Files{}, []record.Record{r})
			require.NoError(t, err)
			xml, err := JUnit([]record.Record{r})
			require.NoError(t, err)
			ktap, err := KTAP([]record.Record{r})
			require.NoError(t, err)
			failures, errors := bytes.Contains(xml, []byte("<failure ")), bytes.Contains(xml, []byte("<error "))
			fails := regexp.MustCompile(`(?m)^ *not ok `).Match(ktap)
			assert.Equal(t, kernels[0].failed, fails, "%s %.80q", name, r.ID)
			judgement := expect.Judge([]record.Record{r})
			assert.Equal(t, judgement != nil, failures || errors, "%s %.80q: %v", name, r.ID, judgement)
			switch {
			case r.Outcome == "" || r.Outcome.RigFault():
				seen["fault"]++
				assert.False(t, failures || fails, "%s %.80q", name, r.ID)
				assert.Equal(t, 1, bytes.Count(xml, []byte("<error ")), "%s %.80q", name, r.ID)
			case judgement != nil:
				seen["differs"]++
				assert.ErrorIs(t, judgement, expect.ErrDiffers)
				assert.True(t, fails, "%s %.80q", name, r.ID)
			default:
				seen["agrees"]++
				assert.False(t, fails, "%s %.80q", name, r.ID)
			}
		}
	}
	for _, what := range []string{"fault", "differs", "agrees"} {
		assert.Greater(t, seen[what], 5, what)
	}
}

// Readers drop the second of two tests with the same class and name.
func TestNamesAreUnique(t *testing.T) {
	for name, records := range corpus(t) {
		kernels, err := judge(expect.Files{}, records)
		require.NoError(t, err)
		seen := map[string]bool{}
		for _, k := range kernels {
			for _, one := range k.tests {
				key := k.name + "\n" + one.name
				assert.False(t, seen[key], "%s: %q", name, key)
				assert.NotRegexp(t, `[\p{C}\n]|^\s|\s$`, one.name)
				seen[key] = true
			}
		}
	}
}
