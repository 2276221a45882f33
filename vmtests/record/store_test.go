package record

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample(id string) Record {
	return Record{
		Schema: Schema, ID: id, Run: "r1", Time: time.Date(2026, 3, 1, 10, 15, 0, 0, time.UTC),
		Profile: "no-net", Series: "6.12", Outcome: Completed, Reason: "<done> & out",
		Hello: &wire.Hello{Version: wire.Version, Probes: []string{"ipc/pipe"}},
		Findings: []wire.Finding{{
			ID: "ipc/pipe", Verdict: wire.Works, Micros: 12, Detail: "line\nbreak \x1b[0m \u202e",
			Numbers: map[string]float64{"mib_s": 812.5},
		}},
	}
}

// load decodes all records of a results file.
func load(path string) ([]Record, []Damage, error) {
	file, err := open(path, math.MaxInt64)
	if err != nil {
		return nil, nil, err
	}
	return file.Records, file.Damage, file.Close()
}

func TestAppendThenLoad(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "new", "results.jsonl")}
	require.NoError(t, s.Check())
	want := []Record{sample("r1/a"), sample("r1/b")}
	for _, r := range want {
		require.NoError(t, s.Append(t.Context(), r))
	}
	got, damage, err := load(s.Path)
	require.NoError(t, err)
	assert.Empty(t, damage)
	assert.Equal(t, want, got)
}

func TestAppendFillsInTheSchema(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	r := sample("r1/a")
	r.Schema = 0
	require.NoError(t, s.Append(t.Context(), r))
	got, _, err := load(s.Path)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, Schema, got[0].Schema)
}

func TestAppendEndsATornLine(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	require.NoError(t, s.Append(t.Context(), sample("r1/a")))
	f, err := os.OpenFile(s.Path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"schema":1,"id":"r1/torn","prof`)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	require.NoError(t, s.Append(t.Context(), sample("r1/b")))
	got, damage, err := load(s.Path)
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, "r1/b", got[1].ID)
	require.Len(t, damage, 1)
	assert.Equal(t, 2, damage[0].Line)
}

// fsizeEnv makes TestAppendAtFileSizeLimit's child append under that limit in bytes.
const fsizeEnv = "NETSTRIP_TEST_FSIZE"

// A file size limit cuts a write short just as a full disk does. It applies to a whole
// process, so a child does the append.
func TestAppendAtFileSizeLimit(t *testing.T) {
	if limit := os.Getenv(fsizeEnv); limit != "" {
		appendUnderLimit(limit, os.Args[len(os.Args)-1])
		return
	}
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	require.NoError(t, s.Append(t.Context(), sample("r1/a")))
	before, err := os.ReadFile(s.Path)
	require.NoError(t, err)

	cmd := exec.Command(os.Args[0], "-test.run=^TestAppendAtFileSizeLimit$", "--", s.Path)
	cmd.Env = append(os.Environ(), fsizeEnv+"="+strconv.Itoa(len(before)+100))
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "the append should have failed:\n%s", out)
	assert.Contains(t, string(out), "storing the record r1/b: write "+s.Path+": file too large")

	after, err := os.ReadFile(s.Path)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "the short write is taken back")
}

func appendUnderLimit(limit, path string) {
	n, err := strconv.ParseUint(limit, 10, 64)
	if err == nil {
		signal.Ignore(unix.SIGXFSZ)
		err = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: n})
	}
	if err == nil {
		err = Store{Path: path}.Append(context.Background(), sample("r1/b"))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestAppendErrorsNameTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	below := Store{Path: filepath.Join(file, "r.jsonl")}
	assert.ErrorContains(t, below.Check(), file+": not a directory")
	assert.ErrorContains(t, below.Append(t.Context(), sample("r1/a")), file+": not a directory")

	full := Store{Path: "/dev/full"}
	assert.ErrorContains(t, full.Check(), "/dev/full: it is a device, not a regular file; --results names another file")
	assert.ErrorContains(t, full.Append(t.Context(), sample("r1/a")), "/dev/full: it is a device, not a regular file")
}

func TestAppendFromManyAtOnce(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	const writers, each = 8, 5
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				assert.NoError(t, s.Append(t.Context(), sample(fmt.Sprintf("r1/%d/%d", w, i))))
			}
		})
	}
	wg.Wait()
	got, damage, err := load(s.Path)
	require.NoError(t, err)
	assert.Empty(t, damage)
	ids := map[string]bool{}
	for _, r := range got {
		ids[r.ID] = true
	}
	assert.Len(t, ids, writers*each)
}

func TestLoadCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/load/*.jsonl")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			records, damage, err := load(file)
			require.NoError(t, err)
			var b strings.Builder
			for _, r := range records {
				fmt.Fprintf(&b, "record %s: %q, %d findings\n", r.ID, r.Outcome, len(r.Findings))
			}
			for _, d := range damage {
				fmt.Fprintf(&b, "line %d: %s\n", d.Line, d.Why)
			}
			golden := strings.TrimSuffix(file, ".jsonl") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), b.String())
		})
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	_, _, err := load(filepath.Join(t.TempDir(), "none.jsonl"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = load(t.TempDir())
	require.ErrorContains(t, err, "is a directory")
}

func TestReadSkipsLinesTooLong(t *testing.T) {
	line, err := encode(sample("r1/a"))
	require.NoError(t, err)
	long := strings.Repeat("x", 200<<10)
	all := &File{}
	require.NoError(t, all.scan(strings.NewReader(string(line)+long+"\n"+string(line)+long), 100<<10, true))
	assert.Len(t, all.Records, 2)
	require.Len(t, all.Damage, 2)
	assert.Equal(t, Damage{2, "longer than 102400 bytes"}, all.Damage[0])
	assert.Equal(t, 4, all.Damage[1].Line)
}

// For any file, reading ends, every non-empty line is a record, a plan or damage, and a record
// can be written and read again.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/load/*.jsonl")
	require.NoError(f, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("\n\n{}\n\r\n"))
	f.Add([]byte(`{"schema":1,"kind":"plan","run":"r1","boots":[{"id":"r1/full","profile":"full"}]}`))
	f.Add([]byte(`{"schema":1,"schema":"x","id":"a","profile":"b","outcome":"hung"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 20
		all := &File{}
		require.NoError(t, all.scan(strings.NewReader(string(data)), limit, true))
		said := 0
		lines := bufio.NewScanner(strings.NewReader(string(data)))
		lines.Buffer(nil, len(data)+1)
		for lines.Scan() {
			if strings.TrimSpace(lines.Text()) != "" {
				said++
			}
		}
		require.Equal(t, said, len(all.Records)+len(all.plans)+len(all.Damage))
		for _, r := range all.Records {
			line, err := encode(r)
			require.NoError(t, err)
			again, why := decode(line)
			require.Empty(t, why)
			require.Equal(t, r.ID, again.ID)
		}
	})
}
