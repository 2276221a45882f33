package interchange

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// origin is the name of the system that reports, in all IDs.
const origin = "netstrip"

// The objects of a KCIDB report, as far as netstrip fills them in. Those that are URLs are left out,
// since netstrip puts nothing on the network.
type (
	kcidbReport struct {
		Version   kcidbVersion    `json:"version"`
		Checkouts []kcidbCheckout `json:"checkouts,omitempty"`
		Builds    []kcidbBuild    `json:"builds,omitempty"`
		Tests     []kcidbTest     `json:"tests,omitempty"`
	}
	kcidbVersion struct {
		Major int `json:"major"`
		Minor int `json:"minor"`
	}
	kcidbCheckout struct {
		ID      string `json:"id"`
		Origin  string `json:"origin"`
		Commit  string `json:"git_commit_hash,omitempty"`
		Comment string `json:"comment,omitempty"`
		Misc    misc   `json:"misc,omitempty"`
	}
	kcidbBuild struct {
		ID           string `json:"id"`
		Origin       string `json:"origin"`
		CheckoutID   string `json:"checkout_id"`
		Architecture string `json:"architecture,omitempty"`
		Compiler     string `json:"compiler,omitempty"`
		ConfigName   string `json:"config_name,omitempty"`
		Status       string `json:"status,omitempty"`
		Misc         misc   `json:"misc,omitempty"`
	}
	kcidbTest struct {
		ID          string            `json:"id"`
		Origin      string            `json:"origin"`
		BuildID     string            `json:"build_id"`
		Path        string            `json:"path"`
		Status      string            `json:"status"`
		Comment     string            `json:"comment,omitempty"`
		Environment *kcidbEnvironment `json:"environment,omitempty"`
		Number      *kcidbNumber      `json:"number,omitempty"`
		StartTime   string            `json:"start_time,omitempty"`
		Duration    float64           `json:"duration,omitempty"`
		Misc        misc              `json:"misc,omitempty"`
	}
	kcidbEnvironment struct {
		Comment string `json:"comment,omitempty"`
		Misc    misc   `json:"misc,omitempty"`
	}
	kcidbNumber struct {
		Value  float64 `json:"value"`
		Unit   string  `json:"unit,omitempty"`
		Prefix string  `json:"prefix,omitempty"`
	}
	misc map[string]any
)

// add adds a text, escaped, unless it is empty.
func (m misc) add(key, text string, most int) {
	if text != "" {
		m[key] = report.Escape(text, most)
	}
}

// KCIDB returns the records as a KCIDB report, version 5.3 of its schema. As expected is PASS, different
// FAIL, no clear answer ERROR, an infrastructure failure MISS, not asked SKIP. A measurement is DONE,
// and so is an answer of which nothing is expected.
func KCIDB(records []record.Record) ([]byte, error) { return from(records, writeKCIDB) }

func writeKCIDB(kernels []judged) ([]byte, error) {
	out := kcidbReport{Version: kcidbVersion{5, 3}}
	seen := map[string]bool{}
	once := func(id string) bool { was := seen[id]; seen[id] = true; return !was }
	for _, k := range kernels {
		checkout, build := checkoutOf(k.record), buildOf(k)
		if once("checkout " + checkout.ID) {
			out.Checkouts = append(out.Checkouts, checkout)
		}
		if once("build " + build.ID) {
			out.Builds = append(out.Builds, build)
		}
		for _, t := range k.tests {
			one := testOf(k, t)
			out.Tests = append(append(out.Tests, one), measured(one, k.record, t.finding)...)
		}
	}
	ids := namer{}
	for i := range out.Tests {
		out.Tests[i].ID = ids.unique(out.Tests[i].ID)
	}
	var b bytes.Buffer
	if err := table.JSON(&b, out); err != nil {
		return nil, fmt.Errorf("writing the KCIDB report: %w", err)
	}
	return b.Bytes(), nil
}

// commit matches the hash of a git commit, sum the beginning of a tarball's.
var (
	commit = regexp.MustCompile(`\b[0-9a-f]{40}\b`)
	sum    = regexp.MustCompile(`\bsha256 ([0-9a-f]{12,64})\b`)
)

func checkoutOf(r record.Record) kcidbCheckout {
	source := cmp.Or(report.Escape(r.Kernel.Source, 300), "unknown")
	c := kcidbCheckout{ID: id(source), Origin: origin, Commit: commit.FindString(r.Kernel.Source), Comment: source, Misc: misc{}}
	if m := sum.FindStringSubmatch(r.Kernel.Source); m != nil {
		c.Misc.add("source_sha256", m[1], 64)
	}
	return c
}

// buildOf returns the build of a kernel. One that failed has no key.
func buildOf(k judged) kcidbBuild {
	r := k.record
	b := kcidbBuild{
		ID: id(cmp.Or(report.Escape(r.Kernel.Key, 200), "none "+report.Escape(r.ID, 300))), Origin: origin, CheckoutID: checkoutOf(r).ID,
		Architecture: unlike(`[^a-z0-9_]`, cmp.Or(r.Arch, "x86_64")), Compiler: report.Escape(r.Kernel.Compiler, 300),
		ConfigName: report.Escape(r.Ref().Profile(), 100), Status: "PASS", Misc: misc{},
	}
	if r.Outcome == record.BuildFailed {
		b.Status = "MISS"
		b.Misc.add("reason", r.Reason, 300)
	} else if r.Kernel.Key == "" {
		b.Status = ""
	}
	b.Misc.add("version", r.Kernel.Version, 100)
	b.Misc.add("config_sha256", r.Kernel.ConfigSHA256, 100)
	if r.Kernel.ImageBytes > 0 {
		b.Misc["image_bytes"] = r.Kernel.ImageBytes
	}
	return b
}

func testOf(k judged, t test) kcidbTest {
	r := k.record
	out := kcidbTest{
		ID: id(report.Escape(r.ID, 300) + "/" + t.name), Origin: origin, BuildID: buildOf(k).ID,
		Path: pathOf(t.name), Status: statusOf(t), Comment: t.words, StartTime: stamp(r.Time), Duration: t.took.Seconds(), Misc: misc{"kernel": k.name},
	}
	out.Misc.add("call", t.finding.Call, 300)
	out.Misc.add("errno", t.finding.Errno, 48)
	out.Misc.add("value", t.finding.Value, 300)
	out.Misc.add("detail", t.finding.Detail, 1000)
	if t.name == bootName {
		out.Environment = environment(r)
		out.Misc.add("outcome", string(r.Outcome), 48)
		out.Misc.add("reason", r.Reason, 300)
		out.Misc.add("repeat", r.Machine.Command, 8000)
	}
	return out
}

func environment(r record.Record) *kcidbEnvironment {
	e := kcidbEnvironment{Comment: report.Escape(strings.TrimSpace("QEMU "+r.Machine.QEMU+" "+r.Machine.Accel), 200), Misc: misc{}}
	e.Misc.add("netstrip", r.Netstrip.String(), 100)
	if r.Machine.MemoryMiB > 0 {
		e.Misc["memory_mib"] = r.Machine.MemoryMiB
	}
	return &e
}

func statusOf(t test) string {
	switch {
	case t.status == fault:
		return "MISS"
	case t.status == notAsked:
		return "SKIP"
	case t.status == missing, t.finding.Verdict == wire.Inconclusive:
		return "ERROR"
	case t.status == differs:
		return "FAIL"
	case t.status == unjudged:
		return "DONE"
	}
	return "PASS"
}

// measured returns the measurements of a probe as tests of their own. Under emulation only those
// relative to a pipe mean something.
func measured(of kcidbTest, r record.Record, f wire.Finding) (all []kcidbTest) {
	if f.Verdict != wire.Works || of.Status == "MISS" || !strings.HasPrefix(f.ID, wire.PerfFamily+"/") {
		return nil
	}
	for _, m := range []struct {
		name, key, unit string
		factor          float64
	}{
		{"latency_x_pipe", wire.TripX, "", 1}, {"throughput_x_pipe", wire.MBsX, "", 1},
		{"latency", wire.P50, "s", 1e-6}, {"throughput", wire.MBs, "B/s", 1e6},
	} {
		value, known := f.Numbers[m.key]
		value *= m.factor
		if !known || m.unit != "" && r.Machine.Accel == "tcg" || math.IsNaN(value) || math.IsInf(value, 0) {
			continue
		}
		one := of
		one.ID, one.Path, one.Status, one.Comment = of.ID+"/"+m.name, of.Path+"."+m.name, "DONE", ""
		one.Number, one.Misc = &kcidbNumber{Value: value, Unit: m.unit}, maps.Clone(one.Misc)
		if m.unit != "" {
			one.Number.Prefix = "metric"
		}
		all = append(all, one)
	}
	return all
}

// id returns an ID of ours.
func id(rest string) string { return origin + ":" + rest }

// pathOf returns the path of a test, whose elements are separated by dots.
func pathOf(name string) string {
	path := origin
	for _, element := range strings.Split(name, "/") {
		path += "." + cmp.Or(unlike(`[^a-zA-Z0-9_-]`, element), "_")
	}
	return path
}

// unlike replaces each character that the pattern matches by an underscore.
func unlike(pattern, text string) string {
	return regexp.MustCompile(pattern).ReplaceAllString(text, "_")
}
