package kbuild

import (
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/process"
)

// Directory is the size that a top-level directory of the source adds to a kernel.
type Directory struct {
	Name string `json:"name"`
	// Objects is the number of linked objects, and Text, Data and BSS are their sizes in bytes.
	// vmlinux is larger: it also has the table of symbols, alignment and lib.a.
	Objects int   `json:"objects"`
	Text    int64 `json:"text"`
	Data    int64 `json:"data"`
	BSS     int64 `json:"bss"`
}

// directories returns the sizes of the objects in vmlinux.a by directory, sorted by name,
// without lib.a, of which the linker takes only what is called.
func directories(ctx context.Context, obj string) ([]Directory, error) {
	out, err := process.Output(ctx, process.Command{Args: []string{"ar", "t", filepath.Join(obj, "vmlinux.a")}})
	if err != nil {
		return nil, fmt.Errorf("listing the kernel's objects: %w", err)
	}
	sum := map[string]*Directory{}
	for name := range strings.FieldsSeq(out) {
		path := name
		if !filepath.IsAbs(name) {
			path = filepath.Join(obj, name)
		}
		text, data, bss, err := sizes(path)
		if err != nil {
			return nil, err
		}
		if name, err = filepath.Rel(obj, path); err != nil {
			return nil, err
		}
		top, _, _ := strings.Cut(name, "/")
		d := sum[top]
		if d == nil {
			d = &Directory{Name: top}
			sum[top] = d
		}
		d.Objects, d.Text, d.Data, d.BSS = d.Objects+1, d.Text+text, d.Data+data, d.BSS+bss
	}
	var all []Directory
	for _, d := range sum {
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b Directory) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// sizes returns what size(1) prints for an ELF file, in bytes: text is loaded and read-only,
// data is loaded and writable, bss is only in memory.
func sizes(path string) (text, data, bss int64, err error) {
	f, err := elf.Open(path)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("reading the sizes of %s: %w", path, err)
	}
	defer f.Close()
	for _, s := range f.Sections {
		switch {
		case s.Flags&elf.SHF_ALLOC == 0:
		case s.Flags&elf.SHF_WRITE == 0 || s.Flags&elf.SHF_EXECINSTR != 0:
			text += int64(s.Size)
		case s.Type == elf.SHT_NOBITS:
			bss += int64(s.Size)
		default:
			data += int64(s.Size)
		}
	}
	return text, data, bss, nil
}
