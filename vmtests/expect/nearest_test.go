package expect

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// The nearest set is of the same architecture, otherwise of x86_64, and has the profile.
func TestNearest(t *testing.T) {
	files := fstest.MapFS{}
	for set, profiles := range map[string]string{
		"5.19": "old", "6.1": "full", "6.12": "full services", "7.3": "full", "6.12-arm64": "full", "7.3-arm64": "full", "6.1-riscv64": "full rare", "notes": "full",
	} {
		for _, p := range strings.Fields(profiles) {
			files["testdata/"+set+"/"+p+".txt"] = &fstest.MapFile{Data: []byte("outcome completed\n")}
		}
	}
	for own, want := range map[string]string{
		"5.15 full":          "6.1",
		"6.6 full":           "6.1",
		"6.7 full":           "6.12",
		"6.18 full":          "6.12", // 6 after 6.12, and 6 before 7.3
		"6.19 full":          "7.3",
		"8.0 full":           "7.3",
		"7.3 services":       "6.12",
		"6.6-arm64 full":     "6.12-arm64",
		"7.2-arm64 full":     "7.3-arm64",
		"6.6-arm64 services": "6.12",
		"6.1-arm full":       "6.1",
		"7.3 rare":           "6.1-riscv64",
		"6.6 mine":           "",
		"6.6 ../6.1/full":    "",
		"6 full":             "",
		" full":              "",
	} {
		set, profile, _ := strings.Cut(own, " ")
		got, err := Files{files}.nearest(set, profile)
		assert.Equal(t, want, got, own)
		if want == "" {
			assert.ErrorIs(t, err, ErrNoExpectation, own)
		}
	}
}

// asExpected returns the record that full of 6.1 expects, as one of another series.
func asExpected(t *testing.T, series string) record.Record {
	t.Helper()
	findings, err := Expected("6.1", "full")
	require.NoError(t, err)
	return record.Record{ID: "r/full", Run: "r", Profile: "full", Series: series, Outcome: record.Completed, Findings: findings}
}

// Differences from the nearest expectations are shown, but are not failures.
func TestWithoutExpectations(t *testing.T) {
	r := asExpected(t, "6.6")
	said := func(records ...record.Record) string {
		var b strings.Builder
		write(&b, records)
		return b.String()
	}
	assert.Equal(t, "No expectations for full on 6.6; compared with 6.1: all answers agree.\n", said(r))
	assert.Equal(t, "", said(asExpected(t, "6.1")))

	for i, f := range r.Findings {
		switch f.ID {
		case "lo/mtu":
			r.Findings[i].Value = "1500"
		case "lo/up":
			r.Findings[i] = wire.Finding{ID: f.ID, Verdict: wire.Absent, Errno: "ENOSYS", Call: f.Call}
		}
	}
	other := r
	other.Profile = "no-packet"
	assert.Equal(t, "No expectations for full on 6.6; compared with 6.1: 2 answers differ.\n"+
		"  full: lo/mtu: want works - 65536 ioctl(SIOCGIFMTU, lo), got works - 1500 ioctl(SIOCGIFMTU, lo)\n"+
		"  full: lo/up: want works - - RTM_NEWLINK(lo up), got absent ENOSYS - RTM_NEWLINK(lo up)\n", said(r))
	assert.Contains(t, said(r, other), "No expectations for full, no-packet on 6.6; compared with 6.1: ")
	assert.Contains(t, said(r, other), "\n  full, no-packet: lo/mtu: want ")
	assert.NoError(t, Judge([]record.Record{r, other}))
	r.Series = "6.1"
	assert.ErrorIs(t, Judge([]record.Record{r}), ErrDiffers)
	r.Series = "6.6"

	var b strings.Builder
	require.NoError(t, Show(&b, r, r, ""))
	assert.Contains(t, b.String(), "\n  expected   as on 6.1, the nearest to 6.6 with expectations: 2 answers differ\n             lo/mtu: want works")
	b.Reset()
	require.NoError(t, Show(&b, r, r, "lo/mtu"))
	assert.Contains(t, b.String(), "1 answer differs")
	assert.NotContains(t, b.String(), "lo/up")
	b.Reset()
	require.NoError(t, Show(&b, r, r, "socket"))
	assert.NotContains(t, b.String(), "expected")

	r.Unanswered = []string{"socket/new"}
	assert.ErrorContains(t, Judge([]record.Record{r}), "socket/new: want an answer, got nothing", "on any kernel")
	r.Outcome = record.Panicked
	assert.ErrorIs(t, Judge([]record.Record{r}), ErrDiffers, "the nearest completes")
}

// A kernel that ends as the nearest one does is not a failure, even if it does not complete.
func TestEndsAsNearest(t *testing.T) {
	want, err := Files{}.of("6.1", "services-no-net/systemd")
	require.NoError(t, err)
	r := record.Record{Profile: "services-no-net/systemd", Series: "6.6", Init: "systemd", Outcome: record.Outcome(want[outcomeID])}
	require.NotEqual(t, record.Completed, r.Outcome)
	assert.NoError(t, Judge([]record.Record{r}))
	r.Outcome = record.Panicked
	assert.ErrorIs(t, Judge([]record.Record{r}), ErrDiffers)
}

func TestJSON(t *testing.T) {
	r := asExpected(t, "6.6")
	r.Findings[0].Errno = "EIO"
	own, mine := asExpected(t, "6.1"), asExpected(t, "6.6")
	mine.Profile = "full+mine"
	for probe, differences := range map[string]int{"": 1, r.Findings[0].ID: 1, "lo": 0} {
		var text bytes.Buffer
		records := []record.Record{r, own, mine}
		require.NoError(t, JSON(&text, records, records, probe))
		var got []struct {
			ID       string
			Compared *Comparison
		}
		require.NoError(t, json.Unmarshal(text.Bytes(), &got))
		require.Equal(t, "r/full", got[0].ID, "the record's own keys stay where they were")
		assert.Equal(t, "6.1", got[0].Compared.Set)
		assert.True(t, got[0].Compared.Nearest)
		assert.Len(t, got[0].Compared.Differences, differences, probe)
		assert.Equal(t, &Comparison{Set: "6.1", Differences: []Deviation{}}, got[1].Compared)
		assert.Nil(t, got[2].Compared)
	}
}
