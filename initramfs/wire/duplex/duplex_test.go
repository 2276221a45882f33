package duplex

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// What is sent arrives, however the bytes are cut on the way.
func TestFrames(t *testing.T) {
	var wired bytes.Buffer
	w := NewWriter(&wired)
	request := Request{Command: wire.Command{Argv: []string{"sh"}}, Terminal: &Size{Rows: 24, Cols: 80}}
	require.NoError(t, w.Send(JSON(Start, request)))
	require.NoError(t, w.Send(Frame{Kind: StdinEnd}))
	require.NoError(t, w.Send(Count(70_000)))
	long := strings.Repeat("x", MaxData+10)
	n, err := w.Stream(Stdout).Write([]byte(long))
	require.NoError(t, err)
	assert.Equal(t, len(long), n)

	r := NewReader(iotest.OneByteReader(&wired))
	f, err := r.Next()
	require.NoError(t, err)
	var got Request
	require.NoError(t, f.Decode(&got))
	assert.Equal(t, request, got)
	f, err = r.Next()
	require.NoError(t, err)
	assert.Equal(t, StdinEnd, f.Kind)
	f, err = r.Next()
	require.NoError(t, err)
	count, err := f.Count()
	require.NoError(t, err)
	assert.Equal(t, 70_000, count)
	text := ""
	for {
		f, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		assert.Equal(t, Stdout, f.Kind)
		text += string(f.Data)
	}
	assert.Equal(t, long, text)
}

func TestInvalidFrames(t *testing.T) {
	for text, want := range map[string]error{
		"":                                    io.EOF,
		"\x08":                                io.ErrUnexpectedEOF,
		"\x08\x00\x00\x00\x03ab":              io.ErrUnexpectedEOF,
		"\x08\x00\x00\x00\x03":                io.ErrUnexpectedEOF,
		"\x00\x00\x00\x00\x00":                ErrInvalid,
		"hello, this is no frame":             ErrInvalid,
		"\x08\xff\xff\xff\xff":                ErrInvalid,
		"\x08\x00\x00\x80\x01" + "and so on":  ErrInvalid,
		"\x03\x00\x00\x00\x01x":               ErrInvalid,
		"\x05\x00\x00\x00\x02\x01\x02":        ErrInvalid,
		"\x1b[31m kernel panic, not a frame ": ErrInvalid,
	} {
		_, err := NewReader(strings.NewReader(text)).Next()
		assert.ErrorIs(t, err, want, "%q", text)
	}
	for _, f := range []Frame{{Kind: Taken, Data: []byte{1}}, {Kind: Taken, Data: []byte{255, 255, 255, 255}}} {
		_, err := f.Count()
		assert.ErrorIs(t, err, ErrInvalid)
	}
	assert.ErrorIs(t, Frame{Kind: Exit, Data: []byte("{")}.Decode(&Ending{}), ErrInvalid)
	assert.ErrorIs(t, NewWriter(io.Discard).Send(Frame{Kind: Stdout, Data: make([]byte, MaxData+1)}), ErrInvalid)
	assert.ErrorIs(t, NewWriter(io.Discard).Send(Frame{Kind: 200}), ErrInvalid)
}

func TestCode(t *testing.T) {
	for want, e := range map[int]Ending{0: {}, 3: {Status: 3}, 137: {Signal: 9}, 127: {Fault: "no such file"}, 255: {Status: -1}} {
		assert.Equal(t, want, e.Code(), "%+v", e)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\x08\x00\x00\x00\x03abc\x0b\x00\x00\x00\x00"))
	f.Add([]byte("\x0a\x00\x00\x00\x04\xff\xff\xff\xff"))
	f.Add([]byte("\x0c\x00\x00\x00\x0c{\"status\":3}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		for {
			got, err := r.Next()
			if err != nil {
				return
			}
			assert.LessOrEqual(t, len(got.Data), got.Kind.longest())
			if n, err := got.Count(); err == nil {
				assert.LessOrEqual(t, n, Window)
			}
			_ = got.Decode(&Ending{})
		}
	})
}
