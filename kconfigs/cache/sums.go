package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
)

// sumsFile lists the hashes of an entry's files in the format of sha256sum(1). A symbolic
// link has its target instead of a hash.
const sumsFile = ".netstrip-sums"

// maxSums is its largest size in bytes: a source tree has 80,000 files.
const maxSums = 256 << 20

var (
	// ErrDamaged means that an entry is not what was published.
	ErrDamaged = errors.New("damaged")
	// ErrUnchecked means that an entry has no hashes to verify, such as an object tree, which
	// is not published, or an entry of an old netstrip.
	ErrUnchecked = errors.New("no hashes were kept")
)

// Verify reads an entry and compares it with what was published. The error is ErrDamaged
// with details, ErrUnchecked, fs.ErrNotExist, or ctx's. A source tree takes seconds,
// everything else milliseconds.
func (c *Cache) Verify(ctx context.Context, kind, key string) error {
	path := c.Path(kind, key)
	if of, ok := strings.CutSuffix(kind, indexSuffix); ok {
		_, confirmed, err := c.ReadIndex(of, key)
		if err == nil && !confirmed {
			err = fmt.Errorf("verifying %s: %w", path, ErrUnchecked)
		}
		return err
	}
	f, _ := hold(path)
	if f == nil {
		return fmt.Errorf("verifying %s: %w", path, fs.ErrNotExist)
	}
	defer f.Close()
	want, err := file.Read(filepath.Join(path, sumsFile), maxSums)
	if err != nil {
		return fmt.Errorf("verifying %s: %w", path, ErrUnchecked)
	}
	got, err := sums(ctx, path)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case !bytes.Equal(got, want):
		return fmt.Errorf("%w: %s", ErrDamaged, difference(string(want), string(got)))
	}
	return nil
}

// Mend removes a damaged entry, so that it is made again when it is needed. It does so even
// while the entry is in use.
func (c *Cache) Mend(ctx context.Context, kind, key string) error {
	lock, err := c.Lock(ctx, kind+"-"+key)
	if err != nil {
		return err
	}
	defer lock.Close()
	err = c.Verify(ctx, kind, key) // another may have mended it meanwhile
	if err == nil || ctx.Err() != nil || errors.Is(err, fs.ErrNotExist) {
		return ctx.Err()
	}
	return c.Remove(kind, key)
}

// Remove removes an entry, even while it is in use. Others see it whole or not at all.
func (c *Cache) Remove(kind, key string) error {
	t, err := c.newTrash()
	if err != nil {
		return err
	}
	if err = os.Rename(c.Path(kind, key), filepath.Join(t.dir, key)); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, t.empty())
}

// PublishSound is Publish for what is booted: an existing entry is verified first, and made
// again if it is damaged.
func (c *Cache) PublishSound(ctx context.Context, kind, key string, fill func(dir string) error) (string, error) {
	if c.Has(kind, key) && c.Verify(ctx, kind, key) != nil {
		if err := c.Mend(ctx, kind, key); err != nil {
			return "", err
		}
	}
	return c.Publish(ctx, kind, key, fill)
}

func writeSums(ctx context.Context, dir string) error {
	data, err := sums(ctx, dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sumsFile), data, 0o644)
}

// sums returns the content of an entry's sumsFile.
func sums(ctx context.Context, dir string) ([]byte, error) {
	var out bytes.Buffer
	buffer := make([]byte, 256<<10)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		name := strings.TrimPrefix(path, dir+"/")
		if err != nil || d.IsDir() || name == sumsFile {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			to, err := os.Readlink(path)
			fmt.Fprintf(&out, "link %s  %s\n", to, name)
			return err
		}
		f, err := file.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		// A plain reader, so that CopyBuffer uses the buffer.
		if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, buffer); err != nil {
			return err
		}
		fmt.Fprintf(&out, "%x  %s\n", h.Sum(nil), name)
		return nil
	})
	return out.Bytes(), err
}

// difference describes the first file that differs.
func difference(want, got string) string {
	was := map[string]string{}
	for line := range strings.Lines(want) {
		sum, name, _ := strings.Cut(line, "  ")
		was[strings.TrimSpace(name)] = sum
	}
	for line := range strings.Lines(got) {
		sum, name, _ := strings.Cut(line, "  ")
		name = strings.TrimSpace(name)
		switch had, ok := was[name]; {
		case !ok:
			return name + " does not belong there"
		case had != sum:
			return name + " has other contents"
		}
		delete(was, name)
	}
	for name := range was {
		return name + " is missing"
	}
	return "its list of hashes is not in order"
}
