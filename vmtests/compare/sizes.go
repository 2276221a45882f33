package compare

import (
	"cmp"
	"slices"

	"github.com/netstrip/netstrip/kconfigs/kbuild"
)

// Sizes are those of one source directory in both kernels.
type Sizes struct {
	Name string           `json:"name"`
	A    kbuild.Directory `json:"a"`
	B    kbuild.Directory `json:"b"`
	// Difference is B's text, data and bss minus A's, in bytes.
	Difference int64 `json:"difference"`
}

func total(d kbuild.Directory) int64 { return d.Text + d.Data + d.BSS }

func newSizes(name string, a, b kbuild.Directory) Sizes {
	a.Name, b.Name = name, name
	return Sizes{name, a, b, total(b) - total(a)}
}

// directories pairs those of two kernels, largest difference first.
func directories(a, b *kbuild.Kernel) []Sizes {
	all := []Sizes{}
	if a == nil || b == nil || len(a.Directories) == 0 || len(b.Directories) == 0 {
		return all
	}
	pairs := map[string][2]kbuild.Directory{}
	for i, k := range []*kbuild.Kernel{a, b} {
		for _, d := range k.Directories {
			p := pairs[d.Name]
			p[i] = d
			pairs[d.Name] = p
		}
	}
	for name, p := range pairs {
		all = append(all, newSizes(name, p[0], p[1]))
	}
	slices.SortFunc(all, func(a, b Sizes) int {
		return cmp.Or(cmp.Compare(distance(b.Difference), distance(a.Difference)), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func distance(n int64) int64 { return max(n, -n) }

// whole returns the sizes of vmlinux, with the number of all objects.
func whole(k *kbuild.Kernel) kbuild.Directory {
	d := kbuild.Directory{Text: k.Text, Data: k.Data, BSS: k.BSS}
	for _, in := range k.Directories {
		d.Objects += in.Objects
	}
	return d
}
