package job

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// returns says where the files go that come back from a guest.
type returns struct {
	// out is a directory for all of them; with several kernels there is one below it for each.
	out     string
	several bool
	// places are the only paths that are written otherwise, each with what is below it.
	places []string
}

// writer returns what unpacks the archive of one guest, which is not trusted: nothing is written but
// regular files below out, or at and below the places.
func (b returns) writer(kernel string) io.WriteCloser {
	r, w := io.Pipe()
	u := &unpacking{returns: b, kernel: kernel, PipeWriter: w, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		u.err = u.unpack(r)
		r.CloseWithError(u.err)
		_, _ = io.Copy(io.Discard, r)
	}()
	return u
}

// unpacking unpacks one archive.
type unpacking struct {
	returns
	*io.PipeWriter
	kernel string
	done   chan struct{}
	err    error
}

// Close ends the archive and returns the first error.
func (u *unpacking) Close() error {
	u.PipeWriter.Close()
	<-u.done
	return u.err
}

func (u *unpacking) unpack(from io.Reader) error {
	in := tar.NewReader(io.LimitReader(from, 2*maxBack))
	total := int64(0)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && (h.Typeflag != tar.TypeReg || h.Size < 0) {
			err = fmt.Errorf("it sends %q, which is not a regular file", h.Name)
		}
		if err == nil {
			if total += h.Size; total > maxBack {
				err = fmt.Errorf("it sends more than %d MiB", maxBack>>20)
			}
		}
		if err == nil {
			err = u.write(filepath.Clean(h.Name), os.FileMode(h.Mode)&0o111|0o644, in)
		}
		if err != nil {
			return fmt.Errorf("bringing back the files of %s: %w", u.kernel, err)
		}
	}
}

// write writes a file of the guest.
func (u *unpacking) write(name string, mode os.FileMode, content io.Reader) error {
	dir, rel := u.out, strings.TrimPrefix(name, "/")
	if u.several && dir != "" {
		dir = filepath.Join(dir, strings.ReplaceAll(u.kernel, "/", "-"))
	}
	if dir == "" {
		var err error
		if dir, rel, err = u.place(name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(rel), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(rel, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// place returns the directory of a place, and the path of a file below it.
func (u *unpacking) place(name string) (dir, rel string, err error) {
	for _, p := range u.places {
		if name == p {
			return filepath.Dir(p), filepath.Base(p), nil
		}
		if rel, below := strings.CutPrefix(name, p+"/"); below {
			return p, rel, nil
		}
	}
	return "", "", fmt.Errorf("it sends %q, which is not wanted", name)
}
