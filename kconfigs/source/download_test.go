package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDownload(t *testing.T) {
	needTools(t, "tar", "make", "gzip")
	data, err := os.ReadFile(newTarball(t, newTree(t), ".tar.gz", "--gzip"))
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	right := hex.EncodeToString(sum[:])
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Write(data)
	}))
	defer srv.Close()

	o := Options{URL: srv.URL + "/linux.tar.gz", SHA256: strings.ToUpper(right), Cache: newCache(t)}
	s, err := Open(context.Background(), o)
	require.NoError(t, err)
	assert.Equal(t, right, s.ID)
	assert.Zero(t, asked.Load(), "opening must not download")
	for range 2 {
		tree, err := s.Tree(context.Background())
		require.NoError(t, err)
		assert.FileExists(t, filepath.Join(tree, "Makefile"))
	}
	assert.EqualValues(t, 1, asked.Load())
}

func TestDownloadFaults(t *testing.T) {
	sum := sha256.Sum256([]byte("kernel"))
	right := hex.EncodeToString(sum[:])
	wrong := strings.Repeat("0", 64)
	mux := http.NewServeMux()
	mux.HandleFunc("/whole", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("kernel")) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "6")
		w.Write([]byte("ker"))
	})
	mux.HandleFunc("/stalled", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("ker"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for _, tt := range []struct{ path, sum, want string }{
		{"/whole", wrong, "its SHA-256 is " + right + ", not " + wrong},
		{"/cut", right, "after 3 bytes: unexpected EOF"},
		{"/nosuch", right, "the server says 404 Not Found"},
		{"/stalled", right, "no data for 100ms"},
	} {
		c := newCache(t)
		d := download{url: srv.URL + tt.path, sha256: tt.sum, stall: 100 * time.Millisecond, cache: c}
		_, err := d.get(context.Background())
		assert.EqualError(t, err, "downloading "+srv.URL+tt.path+": "+tt.want)
		nothingKept(t, c, "download")
	}

	d := download{url: srv.URL + "/whole", sha256: right, stall: time.Minute, cache: newCache(t)}
	path, err := d.get(context.Background())
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "kernel", string(got))

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d.cache = newCache(t)
	_, err = d.get(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
