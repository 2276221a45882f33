package page

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	built "github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
)

// limit is how large the page of a whole study may be, in bytes.
const limit = 2 << 20

// recorded reads records of real boots.
func recorded(t *testing.T, path string) (all []record.Record) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record.Record
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		if r.ID != "" {
			all = append(all, r)
		}
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, all)
	return all
}

// expected returns a record of a kernel that answers as expected. Details, times and the machine are
// those of a real boot, as far as that asked the same.
func expected(t *testing.T, real []record.Record, series, arch, profile string) record.Record {
	t.Helper()
	r := real[0]
	for _, one := range real {
		if one.Profile == profile {
			r = one
		}
	}
	told := map[string]wire.Finding{}
	for _, f := range r.Findings {
		told[f.ID] = f
	}
	r.Profile, r.Series, r.Arch, r.Hello, r.Outcome, r.Unanswered = profile, series, arch, nil, record.Completed, nil
	r.ID = fmt.Sprintf("%s/%s@%s%s", r.Run, profile, series, arch)
	var err error
	r.Findings, err = expect.Expected(r.Variant(), profile)
	require.NoError(t, err)
	if r.Ref().Apps {
		r.Probes = "app/*"
	}
	for i, f := range r.Findings {
		r.Findings[i].Detail, r.Findings[i].Micros = told[f.ID].Detail, max(told[f.ID].Micros, int64(i))
	}
	return r
}

// wholeStudy is 16 kernels with all probes, and eight with applications.
func wholeStudy(t *testing.T) (all []record.Record) {
	t.Helper()
	real := recorded(t, "../report/testdata/runs/ladder.jsonl")
	for _, profile := range strings.Fields("full no-packet no-netns no-unix no-ipv6 no-inet bare-net no-net lo-down tiny") {
		all = append(all, expected(t, real, "6.12", "", profile))
	}
	for _, k := range [][2]string{{"6.1", ""}, {"7.3", ""}, {"6.12", "arm64"}} {
		all = append(all, expected(t, real, k[0], k[1], "full"), expected(t, real, k[0], k[1], "no-net"))
	}
	for _, profile := range strings.Fields("full no-packet no-netns no-unix no-ipv6 no-inet bare-net no-net") {
		all = append(all, expected(t, real, "6.12", "", profile+"+apps"))
	}
	return all
}

func write(t *testing.T, records []record.Record) string {
	t.Helper()
	t.Setenv("NETSTRIP_CACHE", t.TempDir()) // the page must not depend on the kernels of this machine
	var b bytes.Buffer
	require.NoError(t, Write(t.Context(), &b, Options{Records: records, Now: time.Unix(1.8e9, 0)}))
	return b.String()
}

func TestSize(t *testing.T) {
	text := write(t, wholeStudy(t))
	t.Logf("16 kernels with 128 probes, and 8 with applications: %d bytes", len(text))
	assert.Less(t, len(text), limit)
	assert.Contains(t, text, "0</b> <span>differences from the expectations")
	s, err := newStudy(Options{Records: wholeStudy(t)})
	require.NoError(t, err)
	assert.Len(t, s.Probes.Columns, 16)
	assert.Equal(t, 128, s.Probes.Rows)
	assert.Len(t, s.Apps.Columns, 8)
	assert.Positive(t, s.Apps.Rows)
}

// A kernel that fails is shown; a failure of the machinery is no failure of a kernel.
func TestDifferences(t *testing.T) {
	records := wholeStudy(t)[:2]
	for i, f := range records[0].Findings {
		if f.ID == "lo/mtu" {
			records[0].Findings[i] = wire.Finding{ID: f.ID, Verdict: wire.Absent, Errno: "ENOSYS", Call: f.Call}
		}
	}
	records[1].Outcome, records[1].Findings = record.QEMUFailed, nil
	s, err := newStudy(Options{Records: records})
	require.NoError(t, err)
	require.Len(t, s.Deviations, 1)
	assert.Equal(t, "lo/mtu", s.Deviations[0].Probe)
	assert.Equal(t, "works - 65536 ioctl(SIOCGIFMTU, lo)", s.Deviations[0].Want)
	text := write(t, records)
	assert.Contains(t, text, `<tr id="p-lo/mtu" data-id="lo/mtu">`)
	assert.Contains(t, text, `<td class="bad odd"><button>ENOSYS</button></td>`)
	assert.Contains(t, text, "<b>1</b> <span>difference from the expectations")
	assert.Contains(t, text, "<b>0</b> <span>boots did not complete")
	assert.Contains(t, text, "<b>1</b> <span>infrastructure failure: no verdict on a kernel")
}

// Boots of one kernel are one column; it shows if they differ.
func TestBootsOfOneKernel(t *testing.T) {
	records := recorded(t, "../compare/testdata/ten.jsonl")
	s, err := newStudy(Options{Records: records})
	require.NoError(t, err)
	require.Len(t, s.Kernels, 2)
	assert.Len(t, s.Kernels[0].Boots, 10)
	require.Len(t, s.pairs(), 1)
	assert.NotEmpty(t, s.pairs()[0].Measures)
	p := s.phases()
	assert.Contains(t, p.Caption, "confidence interval of the end")
	assert.Contains(t, string(p.SVG), `class="whisker"`)

	id := records[0].Findings[0].ID
	records[0].Outcome, records[0].Reason = record.Panicked, "Kernel panic"
	records[0].Findings[0] = wire.Finding{ID: id, Verdict: wire.Inconclusive}
	s, err = newStudy(Options{Records: records})
	require.NoError(t, err)
	k := s.Kernels[0]
	if k.Outcome == "completed" {
		k = s.Kernels[1]
	}
	assert.Equal(t, []string{"1 of 10 panicked", "bad", "Kernel panic"}, []string{k.Outcome, k.Class, k.Reason})
	varies := 0
	for _, f := range s.Probes.Families {
		for _, r := range f.Rows {
			for _, c := range r.Cells {
				if c.Varies {
					varies++
				}
			}
		}
	}
	assert.Equal(t, 1, varies)
}

// evil is text that would do harm if it were taken for HTML, a link, or output of a terminal.
const evil = `</script></template></style><script>window.pwned=1</script><img src=x onerror="window.pwned=2">javascript:window.pwned=3` +
	"\x1b[31m\u202egnp\u2066\u0000\xff\u2028<!--"

// hostile are records whose every text is evil and long.
func hostile(t *testing.T) []record.Record {
	t.Helper()
	long := strings.Repeat(evil, 10<<20/len(evil)+1)
	records := recorded(t, "../report/testdata/runs/ladder.jsonl")
	for i := range records {
		r := &records[i]
		if i > 0 { // one such record is enough, and they take long to search
			long = long[:5000]
		}
		r.Profile, r.Reason, r.ConsoleLog, r.Kernel = evil+r.Profile, long, "../../../../etc/passwd", built.Built{Key: long, Version: long, Compiler: long}
		r.Machine.Command, r.Machine.QEMU, r.Outcome, r.Series = long, long, record.Outcome(long), long[:60]
		for j := range r.Findings {
			f := &r.Findings[j]
			own := fmt.Sprint(i, " ", j, " ")
			f.Errno, f.Call, f.Value, f.Detail = long, own+long[:5000], own+long[:5000], own+long[:5000]
			f.Modules = map[string]string{long: ""}
			f.Numbers = map[string]float64{long: 1}
			f.Symbols = []wire.Symbol{{Name: long, Value: "m", Why: long}}
		}
		for j := range 2000 {
			r.Findings = append(r.Findings, wire.Finding{ID: fmt.Sprint(evil, "/", j), Verdict: wire.Verdict(evil)})
		}
	}
	return records
}

func TestHostileRecords(t *testing.T) {
	text := write(t, hostile(t))
	t.Logf("the page of hostile records: %d bytes", len(text))
	assert.Less(t, len(text), limit)
	for what, times := range map[string]int{"<script": 2, "</script": 2, "<style": 1, "</style": 1, "<img": 0, "<!--": 0} {
		assert.Equal(t, times, strings.Count(text, what), what)
	}
	assert.NotContains(t, text, "root:")
	assert.NotRegexp(t, regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]"), text)
	tag := regexp.MustCompile(`(?i)<[a-z]+(?:\s+[a-z-]+(?:="[^"]*")?)*?\s+(?:href|src)=("[^#][^"]*"|[^"])`)
	assert.Equal(t, `"data:,"`, tag.FindStringSubmatch(text)[1], "the icon")
	assert.Len(t, tag.FindAllString(text, -1), 1, "links lead to parts of the page only")
	assert.Contains(t, text, "are not on this page, which would become too large")
	assert.Contains(t, text, "some are shortened")
}

// Records that lack everything make a page too.
func TestEmptyRecords(t *testing.T) {
	assert.Contains(t, write(t, []record.Record{{}, {Findings: []wire.Finding{{}}}}), "no verdict")
	assert.Error(t, Write(t.Context(), &bytes.Buffer{}, Options{}))
}

// The console log comes from below the results' directory, and only its end.
func TestConsoleLogs(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "results"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("secret\n"), 0o644))
	require.NoError(t, os.Symlink("../secret", filepath.Join(dir, "results", "link")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "results", "log"), []byte(strings.Repeat("line\n", 5000)+"the \x1bend\n"), 0o644))
	for name, want := range map[string]string{"log": `the \x1bend`, "../secret": "", "link": "", "": "", ".": "", "none": "", filepath.Join(dir, "secret"): ""} {
		s, err := newStudy(Options{Records: []record.Record{{ID: "r/full", Profile: "full", ConsoleLog: name}}, Results: filepath.Join(dir, "results", "r.jsonl")})
		require.NoError(t, err)
		log := s.Kernels[0].log
		assert.LessOrEqual(t, len(log), maxLog+10)
		assert.Equal(t, want, log[strings.LastIndex(log, "\n")+1:], name)
	}
}
