package plan

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Write writes the plan for people: the shards, or without them the kernels.
func (f *File) Write(w io.Writer) error {
	t := f.kernels()
	if len(f.Shards) > 0 {
		t = f.shards()
	}
	if err := t.Write(w, table.Terminal(w)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", f.Summary())
	return err
}

func (f *File) kernels() *table.Table {
	t := &table.Table{Head: []string{"KERNEL", "BUILD", "BOOTS", "BOOT", "KEY"}}
	for _, k := range f.Kernels {
		build := "cached"
		if k.Key == "" {
			build = fmt.Sprintf("%s (%s)", short(k.Next.time()+k.First.time()), k.Next.From)
		}
		var boots time.Duration
		var from []string
		for _, b := range k.Boots {
			boots += b.time()
			if !slices.Contains(from, b.From) {
				from = append(from, b.From)
			}
		}
		t.Add(report.Escape(k.Name, 60), build, fmt.Sprint(len(k.Boots)), fmt.Sprintf("%s (%s)", short(boots), strings.Join(from, ", ")), fmt.Sprintf("%.12s", report.Escape(k.Key, 64)))
	}
	return t
}

func (f *File) shards() *table.Table {
	t := &table.Table{Head: []string{"SHARD", "TIME", "BOOTS", "KERNELS"}}
	for _, s := range f.Shards {
		names := "none: there are more shards than kernels"
		if len(s.Kernels) > 0 {
			names = report.Escape(strings.Join(s.Kernels, " "), 2000)
		}
		t.Add(s.Shard, short(time.Duration(s.Seconds*float64(time.Second))), fmt.Sprint(s.Boots), names)
	}
	return t
}

// Summary says how many kernels and boots there are, and how long the longest shard takes.
func (f *File) Summary() string {
	build, boots := 0, 0
	for _, k := range f.Kernels {
		boots += len(k.Boots)
		if k.Tree != "" {
			build++
		}
	}
	text := fmt.Sprintf("%d kernels, %d of them to build; %d boots", len(f.Kernels), build, boots)
	longest, mean, busy := f.longest()
	if busy == 0 {
		return text + "; times are those of one core"
	}
	return text + fmt.Sprintf("; on %d cores the longest of %d shards takes %s, %.2f times the mean of the %d with kernels",
		f.Jobs, len(f.Shards), short(longest), longest.Seconds()/max(mean.Seconds(), 1e-9), busy)
}

// longest returns the times of the longest shard and the mean of those with kernels, and their number.
func (f *File) longest() (longest, mean time.Duration, busy int) {
	for _, s := range f.Shards {
		if t := time.Duration(s.Seconds * float64(time.Second)); len(s.Kernels) > 0 {
			longest, mean, busy = max(longest, t), mean+t, busy+1
		}
	}
	return longest, mean / time.Duration(max(busy, 1)), busy
}

// short returns a time for people: 35 s, 12 min, 3 h 10 min.
func short(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}
