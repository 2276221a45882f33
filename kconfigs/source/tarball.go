package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"golang.org/x/sys/unix"
)

// packing is a compression format of tarballs.
type packing struct {
	magic    string
	flag     string // for tar
	programs []string
}

func packings() []packing {
	return []packing{
		{"\xfd7zXZ\x00", "--xz", []string{"tar", "xz"}},
		{"\x1f\x8b", "--gzip", []string{"tar", "gzip"}},
		{"\x28\xb5\x2f\xfd", "--zstd", []string{"tar", "zstd"}},
	}
}

// compression returns the format of a tarball, by its first bytes.
func compression(path string) (packing, error) {
	f, err := file.Open(path)
	if err != nil {
		return packing{}, fmt.Errorf("opening the kernel source: %w", err)
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return packing{}, fmt.Errorf("opening the kernel source: %w", err)
	}
	for _, p := range packings() {
		if bytes.HasPrefix(head[:n], []byte(p.magic)) {
			return p, nil
		}
	}
	// tar(5): a header of 512 bytes with "ustar" at 257.
	if n == len(head) && string(head[257:262]) == "ustar" {
		return packing{flag: "--no-auto-compress", programs: []string{"tar"}}, nil
	}
	return packing{}, fmt.Errorf("opening the kernel source %s: neither a directory nor a tarball, plain or compressed with xz, gzip or zstd", path)
}

// unpack writes the contents of the tarball's only directory to dir.
func unpack(ctx context.Context, path, dir string, p *progress.Printer) error {
	pack, err := compression(path)
	if err != nil {
		return err
	}
	if err := process.Check(ctx, pack.programs...); err != nil {
		return fmt.Errorf("unpacking %s: %w", path, err)
	}
	f, err := file.Open(path)
	if err != nil {
		return fmt.Errorf("unpacking the kernel source: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("unpacking the kernel source: %w", err)
	}
	in := &counter{r: f, total: info.Size(), what: "unpacking the kernel source", progress: p}
	if err := runTar(ctx, pack.flag, dir, in); err != nil && ctx.Err() == nil {
		return fmt.Errorf("unpacking %s: %w", path, err)
	}
	return ctx.Err()
}

// runTar unpacks in. The error is the first line from tar or xz, as the last only says that
// tar gives up. On a full disk tar is stopped at once, as it would fail for every file.
func runTar(ctx context.Context, flag, dir string, in io.Reader) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	first, full := "", false
	_, err := process.Run(ctx, process.Command{
		Args:  []string{"tar", "--extract", flag, "--strip-components=1", "--no-same-owner", "--directory", dir, "--file=-"},
		Env:   []string{"LC_ALL=C", "XZ_OPT=-T0"},
		Stdin: in,
		OnLine: func(line string) {
			if first == "" {
				first = line
			}
			if strings.Contains(line, "No space left on device") {
				full = true
				stop()
			}
		},
	})
	switch {
	case err != nil && full:
		return fmt.Errorf("the disk of %s is full: %w", dir, unix.ENOSPC)
	case err != nil && first != "":
		return errors.New(first)
	}
	return err
}

// counter reads from r and shows the progress.
type counter struct {
	r           io.Reader
	done, total int64 // bytes; total is 0 if unknown
	what        string
	progress    *progress.Printer
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	if c.total > 0 {
		c.progress.State("%s: %d%%", c.what, c.done*100/c.total)
	} else {
		c.progress.State("%s: %d MB", c.what, c.done/1e6)
	}
	return n, err
}

// hashMemo is the hash of a file when it had this size and time.
type hashMemo struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	MTime  int64  `json:"mtime_ns"`
	SHA256 string `json:"sha256"`
}

// hashOnce returns the SHA-256 of a file. It reads the file only if it is new or changed.
func hashOnce(ctx context.Context, c *cache.Cache, path string) (string, error) {
	f, err := file.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	want := hashMemo{Path: path, Size: info.Size(), MTime: info.ModTime().UnixNano()}
	name := cache.Key(path)
	var memo hashMemo
	if data, err := c.Read("source-hash", name); err == nil && json.Unmarshal(data, &memo) == nil {
		want.SHA256 = memo.SHA256
		if memo == want && memo.SHA256 != "" {
			return memo.SHA256, nil
		}
	}
	if want.SHA256, err = hashFile(ctx, path); err != nil {
		return "", err
	}
	data, err := json.Marshal(want)
	if err != nil {
		return "", err
	}
	return want.SHA256, cache.WriteFile(c.Path("source-hash", name), data)
}

// hashFile returns the SHA-256 of a file.
func hashFile(ctx context.Context, path string) (string, error) {
	f, err := file.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &cancelable{ctx, f}); err != nil {
		return "", fmt.Errorf("hashing %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// cancelable stops reading when its context ends.
type cancelable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
