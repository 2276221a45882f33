package kbuild

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// archived is the first file of an archive, which lists what it has.
type archived struct {
	Schema  int              `json:"schema"`
	Kernels []archivedKernel `json:"kernels"`
}

// archivedKernel is a kernel in an archive: its key, the SHA-256 of each of its files, and the
// requests that lead to it, with the names of their profiles.
type archivedKernel struct {
	Key   string            `json:"key"`
	Files map[string]string `json:"files"`
	Index map[string]string `json:"index"`
}

// listFile is its name, and archiveSchema the version of the format.
const (
	listFile      = "kernels.json"
	archiveSchema = 1
)

// maxArchive bounds the kernels of an archive, and maxFiles the files of one of them.
const maxArchive, maxFiles = 10_000, 100_000

// Export writes kernels of the cache as a tar archive: those whose keys begin with one of the names,
// or whose profiles have such a name; all if none is named. It verifies each. It returns the names of
// the kernels, and the SHA-256 of the archive.
func Export(ctx context.Context, c *cache.Cache, w io.Writer, names ...string) (lines []string, sum string, err error) {
	entries, err := c.List(ctx)
	if err != nil {
		return nil, "", err
	}
	var list archived
	list.Schema = archiveSchema
	used := map[string]bool{}
	for _, e := range entries {
		if e.Kind != kindKernel || !selects(names, e, used) {
			continue
		}
		c.Use(e.Kind, e.Key) // so that no prune removes it meanwhile
		k, err := archivable(ctx, c, e, entries)
		if err != nil {
			return nil, "", fmt.Errorf("exporting %s: %w", name(e), err)
		}
		list.Kernels = append(list.Kernels, k)
		lines = append(lines, Entry{e, about(e)}.Cells()[2]+": "+about(e))
	}
	for _, n := range names {
		if !used[n] {
			return nil, "", usage.Errorf("no kernel in the cache has the key or the profile %q", n)
		}
	}
	hash := sha256.New()
	if err := list.write(ctx, c, tar.NewWriter(io.MultiWriter(w, hash))); err != nil {
		return nil, "", fmt.Errorf("exporting: %w", err)
	}
	return lines, hex.EncodeToString(hash.Sum(nil)), nil
}

// selects reports whether an entry is named, and marks the names that select it.
func selects(names []string, e cache.Entry, used map[string]bool) bool {
	found := len(names) == 0
	for _, n := range names {
		if len(n) >= shortKey && strings.HasPrefix(e.Key, n) || slices.Contains(e.For, n) {
			used[n], found = true, true
		}
	}
	return found
}

// archivable verifies a kernel and describes it.
func archivable(ctx context.Context, c *cache.Cache, e cache.Entry, entries []cache.Entry) (archivedKernel, error) {
	k := archivedKernel{Key: e.Key, Files: map[string]string{}, Index: map[string]string{}}
	if err := c.Verify(ctx, e.Kind, e.Key); err != nil && !errors.Is(err, cache.ErrUnchecked) {
		return k, err
	}
	if _, err := (&Builder{Cache: c}).load(e.Key); err != nil {
		return k, err
	}
	err := filepath.WalkDir(e.Path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		rel, err := filepath.Rel(e.Path, p)
		if err == nil {
			k.Files[filepath.ToSlash(rel)], err = fileSHA256(p)
		}
		return err
	})
	for _, i := range entries {
		if i.LeadsTo == e.Path && len(i.For) == 1 {
			k.Index[i.Key] = i.For[0]
		}
	}
	return k, err
}

func (l archived) write(ctx context.Context, c *cache.Cache, w *tar.Writer) error {
	data, err := json.MarshalIndent(l, "", "\t")
	if err == nil {
		err = w.WriteHeader(&tar.Header{Name: listFile, Size: int64(len(data)), Mode: 0o644})
	}
	if err == nil {
		_, err = w.Write(data)
	}
	for _, k := range l.Kernels {
		for _, name := range slices.Sorted(maps.Keys(k.Files)) {
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = addFile(w, path.Join(k.Key, name), filepath.Join(c.Path(kindKernel, k.Key), name))
			}
		}
	}
	if err != nil {
		return err
	}
	return w.Close()
}

func addFile(w *tar.Writer, name, from string) error {
	f, err := file.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = w.WriteHeader(&tar.Header{Name: name, Size: info.Size(), Mode: 0o644})
	}
	if err == nil {
		_, err = io.Copy(w, f)
	}
	return err
}

// Import adds the kernels of an archive to the cache, each after all of its files have been compared
// with their hashes. An archive of unknown origin can write nothing else: its names must be those of
// kernels, and it may hold only regular files. Whether it is the archive that was exported, only its
// own hash says: want, unless it is empty. It returns a line for each kernel.
func Import(ctx context.Context, c *cache.Cache, r io.ReadSeeker, want string) (lines []string, err error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return nil, fmt.Errorf("importing: %w", err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); want != "" && !strings.EqualFold(got, want) {
		return nil, usage.Errorf("importing: the archive has the SHA-256 %s, not %s", got, want)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("importing: %w", err)
	}
	in := tar.NewReader(r)
	list, err := readList(in)
	if err != nil {
		return nil, usage.Errorf("importing: %w", err)
	}
	for _, k := range list.Kernels {
		dir, release, err := c.TempDir("import")
		if err != nil {
			return lines, err
		}
		line, err := k.add(ctx, c, in, dir)
		release()
		if err != nil {
			return lines, fmt.Errorf("importing the kernel %.12s: %w", k.Key, err)
		}
		lines = append(lines, line)
	}
	if _, err := in.Next(); !errors.Is(err, io.EOF) {
		return lines, usage.Errorf("importing: the archive has files that it does not list")
	}
	return lines, nil
}

// isKey matches the keys of kernels and of requests (cache.Key).
var isKey = regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString

// readList reads the list of an archive and checks every name in it.
func readList(in *tar.Reader) (list archived, err error) {
	h, err := in.Next()
	if err != nil || h.Name != listFile || h.Typeflag != tar.TypeReg {
		return list, errors.Join(errors.New("it is not an archive of netstrip cache export"), err)
	}
	data, err := io.ReadAll(io.LimitReader(in, maxConfig)) // one that is cut is no JSON
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	switch {
	case err != nil:
		return list, fmt.Errorf("reading its list: %w", err)
	case list.Schema != archiveSchema:
		return list, fmt.Errorf("it was written by another netstrip: schema %d", list.Schema)
	case len(list.Kernels) > maxArchive:
		return list, fmt.Errorf("it has more than %d kernels", maxArchive)
	}
	for _, k := range list.Kernels {
		if !isKey(k.Key) || len(k.Files) > maxFiles || k.Files[infoFile] == "" {
			return list, fmt.Errorf("it has a wrong kernel %.70q", k.Key)
		}
		for name := range k.Files {
			if !filepath.IsLocal(name) || path.Clean(name) != name || strings.Contains("/"+name, "/.") {
				return list, fmt.Errorf("it has a file with the name %.100q", name)
			}
		}
		for inputs, profile := range k.Index {
			if !isKey(inputs) || strings.ContainsAny(profile, "\n") || profile == "" {
				return list, fmt.Errorf("it has a wrong index %.100q", inputs)
			}
		}
	}
	return list, nil
}

// add reads the files of a kernel into dir, compares them with their hashes, and publishes them.
func (k archivedKernel) add(ctx context.Context, c *cache.Cache, in *tar.Reader, dir string) (string, error) {
	for _, name := range slices.Sorted(maps.Keys(k.Files)) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		h, err := in.Next()
		if err != nil {
			return "", fmt.Errorf("the archive ends before %s: %w", name, err)
		}
		if h.Name != path.Join(k.Key, name) || h.Typeflag != tar.TypeReg || h.Size > maxImage {
			return "", fmt.Errorf("the archive has %.200q instead of %s", h.Name, name)
		}
		if err := extract(in, filepath.Join(dir, name), k.Files[name]); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	b := &Builder{Cache: c}
	text := "imported"
	if _, err := b.load(k.Key); err == nil {
		text = "already there"
	} else if err := c.Remove(kindKernel, k.Key); err != nil { // damaged, if it exists
		return "", err
	}
	_, err := c.Publish(ctx, kindKernel, k.Key, func(entry string) error {
		for name := range k.Files {
			to := filepath.Join(entry, name)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			if err := os.Rename(filepath.Join(dir, name), to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if _, err := b.load(k.Key); err != nil {
		return "", errors.Join(err, c.Remove(kindKernel, k.Key))
	}
	for inputs, profile := range k.Index {
		if err := c.WriteIndex(kindKernel, inputs, k.Key, profile); err != nil {
			return "", err
		}
	}
	profiles := slices.Sorted(maps.Values(k.Index))
	return fmt.Sprintf("%s kernel/%.12s of %s", text, k.Key, strings.Join(slices.Compact(profiles), ", ")), nil
}

// extract writes the current file of an archive, and returns an error unless it has the hash.
func extract(in io.Reader, to, want string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, hash), in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		return fmt.Errorf("%w: it has the SHA-256 %.12s instead of %.12s", cache.ErrDamaged, got, want)
	}
	return nil
}
