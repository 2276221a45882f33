package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/report"
)

// sizesOf are the sizes of a directory in both kernels.
type sizesOf struct {
	Name string           `json:"name"`
	A    kbuild.Directory `json:"a"`
	B    kbuild.Directory `json:"b"`
	// Difference is by how many bytes B's text, data and bss are more than A's.
	Difference int64 `json:"difference"`
}

func total(d kbuild.Directory) int64 { return d.Text + d.Data + d.BSS }

func newSizes(name string, a, b kbuild.Directory) sizesOf {
	a.Name, b.Name = name, name
	return sizesOf{name, a, b, total(b) - total(a)}
}

// directories pairs those of two kernels, the one that differs most first.
func directories(a, b *kbuild.Kernel) []sizesOf {
	all := []sizesOf{}
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
	slices.SortFunc(all, func(a, b sizesOf) int {
		return cmp.Or(cmp.Compare(distance(b.Difference), distance(a.Difference)), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func distance(n int64) int64 { return max(n, -n) }

// whole gives the sizes of vmlinux, and as objects all that were counted.
func whole(k *kbuild.Kernel) kbuild.Directory {
	d := kbuild.Directory{Text: k.Text, Data: k.Data, BSS: k.BSS}
	for _, in := range k.Directories {
		d.Objects += in.Objects
	}
	return d
}

// writeSizes writes what is known of the sizes, and the notes.
func (c comparison) writeSizes(out io.Writer, markdown bool) error {
	var b strings.Builder
	if a, z := c.A.Kernel, c.B.Kernel; a != nil && z != nil {
		rows := [][]string{{"", "objects", "", "text", "", "data", "", "bss", "", "difference"}, {"", "A", "B", "A", "B", "A", "B", "A", "B", ""}}
		for _, d := range append(c.Directories, newSizes("vmlinux", whole(a), whole(z))) {
			rows = append(rows, d.cells())
		}
		if a.Text > 0 && z.Text > 0 {
			fmt.Fprintf(&b, "\nSizes: A is %s, B is %s\n\n", c.A.Name, c.B.Name)
			writeGrid(&b, rows, markdown)
		}
		fmt.Fprintf(&b, "\nbzImage: A %s, B %s, difference %s\n", report.Size(a.ImageBytes), report.Size(z.ImageBytes), signed(z.ImageBytes-a.ImageBytes))
	}
	for i, n := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.A.Notes, c.B.Notes)))) {
		if i == 0 {
			b.WriteString("\n")
		}
		n = report.Escape(n, 2000)
		if markdown {
			n = "- " + report.Markdown(n)
		}
		b.WriteString(n + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (d sizesOf) cells() []string {
	row := []string{d.Name, objects(d.A), objects(d.B)}
	for _, n := range []int64{d.A.Text, d.B.Text, d.A.Data, d.B.Data, d.A.BSS, d.B.BSS} {
		row = append(row, bytesOf(n))
	}
	return append(row, signed(d.Difference))
}

// objects are not known of a kernel that was built before they were counted.
func objects(d kbuild.Directory) string {
	if d.Objects == 0 {
		return "-"
	}
	return fmt.Sprint(d.Objects)
}

// bytesOf is exact for what would be 0 KiB.
func bytesOf(n int64) string {
	if 0 < n && n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	return report.Size(n)
}

func signed(n int64) string {
	switch {
	case n == 0:
		return "0"
	case n < 0:
		return "-" + bytesOf(-n)
	}
	return "+" + bytesOf(n)
}

// writeGrid writes rows, the first of which are headings, in columns.
func writeGrid(b *strings.Builder, rows [][]string, markdown bool) {
	if markdown {
		for i, row := range rows {
			fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				b.WriteString("|---|" + strings.Repeat("---:|", len(row)-1) + "\n")
			}
		}
		return
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range rows {
		line := fmt.Sprintf("%-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			line += fmt.Sprintf("  %*s", widths[i+1], cell)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}
