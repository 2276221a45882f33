package record

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/kernel"
)

// bulky returns a record as long as a real one, about 27 KB.
func bulky(run, profile string) Record {
	r := of(run, profile, Completed)
	r.Kernel.Key, r.Probes, r.ConsoleLog = "key of "+profile, "lo/*", "console/"+run+"-"+profile+".log"
	r.Machine.Command = strings.Repeat(`qemu -append "x" `, 50)
	for i := range 110 {
		r.Findings = append(r.Findings, wire.Finding{ID: fmt.Sprint("p/", i), Verdict: wire.Works, Detail: strings.Repeat(`a "b" `, 25)})
	}
	return r
}

// long writes a results file of several runs with four boots each.
func long(t testing.TB, runs int) (path string, size int64) {
	path = filepath.Join(t.TempDir(), "r.jsonl")
	var all bytes.Buffer
	for i := range runs {
		for _, profile := range []string{"full", "no-inet", "no-packet", "no-net"} {
			line, err := encode(bulky(fmt.Sprintf("r%06d", i), profile))
			require.NoError(t, err)
			all.Write(line)
		}
	}
	require.NoError(t, os.WriteFile(path, all.Bytes(), 0o644))
	return path, int64(all.Len())
}

// Selecting from a file gives the same result decoded or not.
func TestOpenDecodesWhatIsRead(t *testing.T) {
	path, _ := long(t, 3)
	odd := sample(`r9/"quoted"`) // and without a console log
	require.NoError(t, Store{Path: path}.Append(t.Context(), odd))
	all, _, err := load(path)
	require.NoError(t, err)
	file, err := open(path, 0)
	require.NoError(t, err)
	defer file.Close()
	require.Len(t, file.Records, 13)
	assert.Nil(t, file.Records[0].Findings, "it is not decoded")
	for _, ref := range []string{"full", "full@6.12", "r000001", "r000002/no-net", odd.ID, "nothing"} {
		got, damage, err := file.Read(Find(file.Records, ref))
		require.NoError(t, err)
		assert.Empty(t, damage)
		assert.Equal(t, Find(all, ref), got, ref)
	}
	for i, r := range file.Records {
		r.offset, r.length, r.line = 0, 0, 0
		full := all[i]
		want := Record{Schema: Schema, ID: full.ID, Run: full.Run, Time: full.Time, Profile: full.Profile, Series: full.Series,
			Probes: full.Probes, Outcome: full.Outcome, Kernel: kernel.Built{Key: full.Kernel.Key}}
		if full.ID != odd.ID {
			full = want
		}
		assert.Equal(t, full, r)
	}
}

// A line truncated anywhere, or with zeros in it, is reported whether decoded or not.
func TestOpenReportsDamage(t *testing.T) {
	line, err := encode(bulky("r1", "full"))
	require.NoError(t, err)
	line = bytes.TrimSpace(line)
	for cut := 1; cut < len(line); cut++ {
		for _, part := range [][]byte{line[:cut], line[cut:]} {
			_, _, ok := glance(part)
			require.False(t, ok, "%.40q ... %q", part, part[max(0, len(part)-40):])
		}
	}
	hole := bytes.Clone(line)
	clear(hole[len(hole)/2:][:512])
	for name, bad := range map[string][]byte{
		"hole":    hole,
		"newer":   bytes.Replace(line, []byte(`"schema":1,`), []byte(`"schema":9,`), 1),
		"outcome": bytes.Replace(line, []byte(`"outcome":"completed"`), []byte(`"outcome":"odd"`), 1),
		"glued":   append(bytes.Clone(line[:900]), line...),
		"no id":   bytes.Replace(line, []byte(`"id":"r1/full"`), []byte(`"id":""`), 1),
	} {
		file := &File{}
		require.NoError(t, file.scan(bytes.NewReader(append(append(bytes.Clone(line), '\n'), bad...)), maxLine, false))
		assert.Len(t, file.Records, 1, name)
		require.Len(t, file.Damage, 1, name)
		assert.Equal(t, 2, file.Damage[0].Line, name)
	}
}

// Reading a record finds damage that a glance does not.
func TestReadReportsDamage(t *testing.T) {
	path, _ := long(t, 1)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.LastIndex(data, []byte(`"verdict":"works"`))
	copy(data[at:], `"verdict":!`)
	require.NoError(t, os.WriteFile(path, data, 0o644))
	file, err := open(path, 0)
	require.NoError(t, err)
	defer file.Close()
	assert.Empty(t, file.Damage)
	got, damage, err := file.Read(file.Records)
	require.NoError(t, err)
	assert.Len(t, got, 3)
	assert.Equal(t, []Damage{{4, "not a record: truncated, or not JSON"}}, damage)
}

// A long file needs little memory per record, and no more for longer records. Decoding a
// record takes about 300 allocations.
func TestOpenKeepsLittle(t *testing.T) {
	path, size := long(t, 100)
	require.Greater(t, size, int64(shortFile))
	open := func() {
		file, err := Store{Path: path}.Open()
		require.NoError(t, err)
		require.Len(t, file.Records, 400)
		got, _, err := file.Read(Find(file.Records, "r000099"))
		require.NoError(t, err)
		require.Len(t, got, 4)
		require.NoError(t, file.Close())
	}
	assert.Less(t, testing.AllocsPerRun(1, open), 400*10.0+4*1000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	open()
	runtime.ReadMemStats(&after)
	assert.Less(t, int64(after.TotalAlloc-before.TotalAlloc), size/3)
}

// BenchmarkOpen opens a file of 20,000 records, about 540 MB, and reads its latest run.
func BenchmarkOpen(b *testing.B) {
	path, size := long(b, 5000)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		file, err := Store{Path: path}.Open()
		require.NoError(b, err)
		_, _, err = file.Read(Find(file.Records, file.Records[len(file.Records)-1].Run))
		require.NoError(b, err)
		require.NoError(b, file.Close())
	}
}

// A run is resumed from a glance at its records, and has them decoded.
func TestResumeOfALongFile(t *testing.T) {
	path, _ := long(t, 100)
	s := Store{Path: path}
	done := bulky("r9", "full")
	done.Time = time.Date(2026, 3, 1, 10, 20, 0, 0, time.UTC)
	begin(t, s, planOf("r9", "full", "no-net"), done, of("r9", "no-net", QEMUFailed))
	run, ok, err := s.Resume()
	require.NoError(t, err)
	require.True(t, ok)
	defer run.Close()
	assert.Equal(t, []Record{done}, run.Done)
	assert.Equal(t, []int{1}, run.Missing())
}
