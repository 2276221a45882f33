package guest

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
)

func event(t *testing.T, id string) string {
	t.Helper()
	data, err := json.Marshal(envelope{actionEvent, &wire.Event{Kind: wire.KindStart, Probe: id}})
	require.NoError(t, err)
	return string(data) + "\n"
}

const done = `{"hugelgupf_vmtest_guest_action":"done"}` + "\n"

// decoded is a decoder with the calls that it made.
type decoded struct {
	*decoder
	sent []wire.Event
	ends []bool // what end was called with
}

func decode(sources ...string) *decoded {
	d := &decoded{}
	d.decoder = &decoder{
		event: func(e wire.Event) { d.sent = append(d.sent, e) },
		end:   func(done bool) { d.ends = append(d.ends, done) },
	}
	var readers []io.Reader
	for _, s := range sources {
		readers = append(readers, strings.NewReader(s))
	}
	d.read(readers...)
	return d
}

func TestDecoder(t *testing.T) {
	a, b := event(t, "a"), event(t, "b")
	long := event(t, strings.Repeat("x", wire.MaxLine))
	for name, tc := range map[string]struct {
		in, probes string
		notices    []string
	}{
		"good":        {a + b + done, "a b", nil},
		"nothing":     {"", "", nil},
		"no done":     {a + b, "a b", nil},
		"too long":    {a + long + b + done, "a b", []string{"dropped 1 event lines longer than 61440 bytes"}},
		"no end":      {a + strings.Repeat("y", 1<<20), "a", []string{"dropped 1 event lines longer than 61440 bytes"}},
		"binary":      {"\x00\xff\x1b[31m\n" + a + done, "a", []string{"dropped 1 event lines that are not events"}},
		"no JSON":     {"}{\n" + a + done, "a", []string{"dropped 1 event lines that are not events"}},
		"cut":         {a + b[:len(b)/2], "a", []string{"dropped 1 event lines that are not events"}},
		"other JSON":  {`{"x":1}` + "\n[]\n7\nnull\n" + a + done, "a", []string{"dropped 4 event lines that are not events"}},
		"wrong type":  {`{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"kind":7}}` + "\n" + done, "", []string{"dropped 1 event lines that are not events"}},
		"no event":    {`{"hugelgupf_vmtest_guest_action":"guestevent"}` + "\n" + done, "", []string{"dropped 1 event lines that are not events"}},
		"after done":  {a + done + b + done, "a", []string{`dropped 2 event lines after "done"`}},
		"empty lines": {"\n\n" + a + "\r\n" + done, "a", nil},
		"much too long": {a + strings.Repeat("y", wire.MaxBytes) + "\n" + done, "a", []string{
			"dropped 1 event lines longer than 61440 bytes", "dropped 1 event lines over the 10000 events or 16777216 bytes of a boot"}},
		"too many": {strings.Repeat(a, wire.MaxEvents+5) + done, strings.TrimSpace(strings.Repeat("a ", wire.MaxEvents)),
			[]string{"dropped 6 event lines over the 10000 events or 16777216 bytes of a boot"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := decode(tc.in)
			var probes []string
			for _, e := range d.sent {
				probes = append(probes, e.Probe)
			}
			assert.Equal(t, tc.probes, strings.Join(probes, " "))
			assert.Equal(t, tc.notices, d.notices())
			whole := strings.Contains(tc.in, done) && !d.flood.Load()
			assert.Equal(t, []bool{whole}, d.ends, "silence is not success")
			assert.Equal(t, name == "too many" || name == "much too long", d.flood.Load())
		})
	}
}

// The events of a boot come on either of two channels, and the first "done" ends both.
func TestDecoderOfTwoChannels(t *testing.T) {
	d := decode("", event(t, "a")+done)
	assert.Len(t, d.sent, 1)
	assert.Equal(t, []bool{true}, d.ends)
	d = decode(done, done)
	assert.Equal(t, []bool{true}, d.ends)
	assert.Equal(t, []string{`dropped 1 event lines after "done"`}, d.notices())
}

// Events as the guest writes them are decoded.
func TestDecoderReadsRealEvents(t *testing.T) {
	data, err := os.ReadFile("testdata/events/no-net.jsonl")
	require.NoError(t, err)
	d := decode(string(data))
	assert.Empty(t, d.notices())
	assert.Len(t, d.sent, strings.Count(string(data), "\n")-1)
	assert.Equal(t, []bool{true}, d.ends)
	assert.Equal(t, wire.KindHello, d.sent[0].Kind)
}
