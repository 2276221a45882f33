package page

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"

	"github.com/netstrip/netstrip/vmtests/record"
)

// plots are the pictures that the records hold the data for.
func (s *study) plots() []plot {
	return []plot{s.phases(), s.sizes(), s.symbolsPlot(), s.appsPlot(), s.channels()}
}

// phaseNames are the parts of a boot, each of which ends with an event.
var phaseNames = []string{"to the first byte", "to the banner", "to init", "to the first event", "to the end of the probes"}

func ends(p record.Phases) [5]float64 {
	return [5]float64{p.FirstByte, p.Banner, p.Init, p.FirstEvent, p.Done}
}

// sample is the median of some values and its 95 % confidence interval, which is infinite with too
// few values.
func sample(values []float64) (median, low, high float64) {
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), 0.95)
	return s.Center, s.Lo, s.Hi
}

// phases plots how long the parts of a boot take.
func (s *study) phases() plot {
	p := plot{ID: "phases", Title: "Phases of a boot"}
	var names []string
	var rows [][5][]float64
	most, intervals := 0.0, false
	for _, k := range s.Kernels {
		var all [5][]float64
		for _, r := range k.Boots {
			for i, v := range ends(r.Phases) {
				if r.Outcome == record.Completed && r.Probes == "" && v > 0 && v < 1e6 {
					all[i] = append(all[i], v)
					most = max(most, v)
				}
			}
		}
		if len(all[4]) > 0 {
			names, rows = append(names, k.Name), append(rows, all)
		}
	}
	if len(rows) == 0 {
		p.Why = "No boot with all probes completed."
		return p
	}
	b := bars(labels(names, rows), most, func(v float64) string { return fmt.Sprintf("%g s", v) })
	b.legend(nameWidth, 14, "seg", phaseNames...)
	for i, all := range rows {
		from := 0.0
		for phase, values := range all {
			if len(values) == 0 {
				continue
			}
			end, low, high := sample(values)
			b.rect(fmt.Sprintf("seg%d", phase), nameWidth+from/most*plotWidth, b.row(i), (end-from)/most*plotWidth, barHeight,
				fmt.Sprintf("%s: %s after %.2f s", names[i], phaseNames[phase], end))
			if from = max(from, end); phase == 4 && !math.IsInf(low, 0) && !math.IsInf(high, 0) {
				intervals = true
				y := b.row(i) + barHeight/2
				b.line("whisker", nameWidth+low/most*plotWidth, y, nameWidth+high/most*plotWidth, y)
				for _, v := range []float64{low, high} {
					b.line("whisker", nameWidth+v/most*plotWidth, y-5, nameWidth+v/most*plotWidth, y+5)
				}
			}
		}
		b.text("value", nameWidth+from/most*plotWidth+8, b.row(i)+barHeight-3, fmt.Sprintf("%.2f s", from))
	}
	p.SVG = b.html("Bars: how long each part of a boot takes on each kernel")
	p.Caption = "Medians, in seconds after the start of QEMU. Behind a kernel's name is the number of boots, if there are several."
	if intervals {
		p.Caption += " The line is the 95 % confidence interval of the end."
	} else {
		p.Caption += " Six boots of a kernel are needed for a confidence interval."
	}
	return p
}

// labels adds the number of boots to the names.
func labels(names []string, rows [][5][]float64) []string {
	var all []string
	for i, name := range names {
		name = shorten(name, 24)
		if n := len(rows[i][4]); n > 1 {
			name += fmt.Sprintf(" (%d)", n)
		}
		all = append(all, name)
	}
	return all
}

// maxDirectories is how many directories have a colour; the others are added up.
const maxDirectories = 7

// sizes plots the size of each kernel by directory of its source.
func (s *study) sizes() plot {
	p := plot{ID: "sizes", Title: "Size by directory of the source"}
	total := map[string]int64{}
	var kernels []*kernel
	for _, k := range s.Kernels {
		f := s.facts[k.Newest().Kernel.Key]
		if f == nil || len(f.directories) == 0 {
			continue
		}
		kernels = append(kernels, k)
		for _, d := range f.directories {
			total[d.Name] += d.Text + d.Data + d.BSS
		}
	}
	if len(kernels) == 0 {
		p.Why = "Records hold no sizes by directory, and none of these kernels is in the cache with them."
		return p
	}
	order := slices.SortedFunc(maps.Keys(total), func(a, b string) int { return cmp.Or(cmp.Compare(total[b], total[a]), cmp.Compare(a, b)) })
	if i := slices.Index(order, "net"); i >= maxDirectories { // what this is about has a colour
		order = slices.Insert(slices.Delete(order, i, i+1), maxDirectories-1, "net")
	}
	order = order[:min(len(order), maxDirectories)]
	var names []string
	sums := make([][]float64, len(kernels))
	most := 0.0
	for i, k := range kernels {
		names = append(names, shorten(k.Name, 28))
		sums[i] = make([]float64, len(order)+1)
		all := 0.0
		for _, d := range s.facts[k.Newest().Kernel.Key].directories {
			at := slices.Index(order, d.Name)
			if at < 0 {
				at = len(order)
			}
			sums[i][at] += float64(d.Text + d.Data + d.BSS)
			all += float64(d.Text + d.Data + d.BSS)
		}
		most = max(most, all)
	}
	b := bars(names, most/(1<<20), func(v float64) string { return fmt.Sprintf("%g MiB", v) })
	legend := append(slices.Clone(order), "other")
	b.legend(nameWidth, 14, "cat", legend...)
	for i := range kernels {
		x := nameWidth
		for at, v := range sums[i] {
			w := v / most * plotWidth
			b.rect(fmt.Sprintf("cat%d", at), x, b.row(i), w, barHeight, fmt.Sprintf("%s, %s: %s", names[i], legend[at], sizeOf(int64(v))))
			x += w
		}
		b.text("value", x+8, b.row(i)+barHeight-3, sizeOf(int64(sum(sums[i]))))
	}
	p.SVG = b.html("Bars: the size of each kernel, by directory of its source")
	p.Caption = "Text, data and bss of the objects that are linked into vmlinux, from the cache of kernels."
	return p
}

func sum(all []float64) (total float64) {
	for _, v := range all {
		total += v
	}
	return total
}

// appsPlot plots which applications work on which kernels.
func (s *study) appsPlot() plot {
	p := plot{ID: "apps-plot", Title: "Applications by kernel"}
	if s.Apps.Rows == 0 {
		p.Why = "No application was run; netstrip apps does that."
		return p
	}
	const size, left, top = 22.0, 230.0, 120.0
	b := &svg{width: left + size*float64(len(s.Apps.Columns)) + 120, height: top + size*float64(s.Apps.Rows) + 34}
	for i, k := range s.Apps.Columns {
		x := left + size*float64(i) + size/2
		fmt.Fprintf(b, `<text class="slanted" transform="translate(%.1f %.1f) rotate(-45)">`, x+2, top-8)
		fmt.Fprintf(b, "%s</text>", escaped(shorten(k.Name, 22)))
	}
	y := top
	for _, f := range s.Apps.Families {
		for _, r := range f.Rows {
			b.text("name", left-8, y+15, shorten(r.Name, 32))
			for i, c := range r.Cells {
				x := left + size*float64(i)
				b.rect("box "+c.Class, x+1, y+1, size-2, size-2, fmt.Sprintf("%s on %s: %s", r.Name, s.Apps.Columns[i].Name, c.Text))
				b.text("mark", x+size/2, y+15.5, map[string]string{"ok": "✓", "bad": "✕", "doubt": "?", "none": ""}[c.Class])
			}
			y += size
		}
	}
	b.text("label", left, y+20, "✓ works   ✕ fails   ? inconclusive")
	p.SVG = b.html("Squares: whether each application works on each kernel, as in the table of applications")
	p.Caption = "The table of applications has the errors."
	return p
}
