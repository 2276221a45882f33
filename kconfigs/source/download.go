package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// download is a tarball to download, with a known hash.
type download struct {
	url      string
	sha256   string
	stall    time.Duration // the longest time without data
	cache    *cache.Cache
	progress *progress.Printer
}

// get returns the path of the tarball, and fetches it if it is not in the cache. An
// incomplete or wrong download is not kept.
func (d download) get(ctx context.Context) (string, error) {
	dir, err := d.cache.Publish(ctx, kindDownload, d.sha256, func(dir string) error {
		if err := d.fetch(ctx, filepath.Join(dir, tarballFile)); err != nil {
			return fmt.Errorf("downloading %s: %w", withoutSecrets(d.url), withoutURL(err))
		}
		return nil
	})
	return filepath.Join(dir, tarballFile), err
}

func (d download) fetch(ctx context.Context, path string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(d.stall, func() { cancel(fmt.Errorf("no data for %v", d.stall)) })
	defer watch.Stop()
	err := d.transfer(ctx, path, watch)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (d download) transfer(ctx context.Context, path string, watch *time.Timer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server says %s", resp.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	body := &counter{r: resp.Body, total: resp.ContentLength, what: "downloading the kernel source", progress: d.progress}
	if _, err := io.Copy(io.MultiWriter(f, h, alive{watch, d.stall}), body); err != nil {
		return fmt.Errorf("after %d bytes: %w", body.done, err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != d.sha256 {
		return fmt.Errorf("its SHA-256 is %s, not %s", sum, d.sha256)
	}
	return f.Close()
}

// withoutSecrets returns a URL to display and store: without its user and password, and
// without its query, which may be a signature.
func withoutSecrets(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "a URL that cannot be parsed"
	}
	if u.User != nil {
		u.User = url.User("redacted")
	}
	if u.RawQuery != "" {
		u.RawQuery = "redacted"
	}
	u.Fragment = ""
	return u.String()
}

// withoutURL removes the URL from an error, as the caller adds it.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

// alive resets the watch whenever something is written to it.
type alive struct {
	watch *time.Timer
	stall time.Duration
}

func (a alive) Write(p []byte) (int, error) {
	a.watch.Reset(a.stall)
	return len(p), nil
}
