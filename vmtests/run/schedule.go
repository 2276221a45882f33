package run

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
)

// qemuMiB is the memory of a QEMU process without its guest's: its code, the translated code of a
// TCG guest, the buffers of its devices.
const qemuMiB = 192

// workers returns how many guests run at once: as many as were asked for, but no more than there
// are boots or than fit into memory. A guest with two processors counts twice, since more
// processors than cores slow each guest down.
func workers(jobs, boots, processors, guestMiB, availableMiB int) int {
	n := min(jobs/processors, boots)
	if availableMiB > 0 {
		n = min(n, availableMiB/(guestMiB+qemuMiB))
	}
	return max(n, 1)
}

// availableMiB returns the memory that can be used without swapping, in MiB; 0 if that is unknown.
func availableMiB(meminfo io.Reader) int {
	for s := bufio.NewScanner(meminfo); s.Scan(); {
		var kb int
		if n, _ := fmt.Sscanf(s.Text(), "MemAvailable: %d kB", &kb); n == 1 {
			return kb >> 10
		}
	}
	return 0
}

// longestFirst orders boots by how long each took last time, so that no long one runs at the end
// while the other cores are idle. Those never booted come first.
func longestFirst(targets []target, took map[string]float64, name func(string) string) []int {
	order := make([]int, len(targets))
	for i := range order {
		order[i] = i
	}
	seconds := func(i int) float64 {
		if t, known := took[name(targets[i].name())]; known {
			return t
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(seconds(b), seconds(a)) })
	return order
}

// timesFile is the file in the cache with the times of earlier boots of an architecture by profile.
// Without it only the order and the time that is left are worse.
func (r *Runner) timesFile(accel string) string {
	if a := r.arch().Label(); a != "" {
		accel += "-" + a
	}
	return filepath.Join(r.cache.Dir, "boot-seconds-"+accel+".json")
}

func (r *Runner) earlierTimes(accel string) map[string]float64 {
	took := map[string]float64{}
	data, err := file.Read(r.timesFile(accel), 1<<20)
	if err == nil {
		err = json.Unmarshal(data, &took)
	}
	if err != nil {
		return nil
	}
	return took
}

// timesName returns the name under which the time of a boot is kept: times of one architecture say
// nothing about another.
func (r *Runner) timesName(boot string) string {
	name := ref.Parse(boot)
	if r.builder != nil {
		name.Arch = r.arch().Label()
	}
	return name.String()
}

// keepTimes stores how long the boots of a run took.
func (r *Runner) keepTimes(accel string, records []record.Record) error {
	took := r.earlierTimes(accel)
	if took == nil {
		took = map[string]float64{}
	}
	for _, rec := range records {
		// A user's kernel may be another one next time, and chosen probes take other times.
		_, err := kconfigs.Lookup(rec.Ref().Profile())
		if err == nil && rec.Outcome == record.Completed && rec.Probes == "" {
			took[r.timesName(rec.Profile)] = rec.Phases.Exit
		}
	}
	data, err := json.Marshal(took)
	if err != nil {
		return fmt.Errorf("keeping the times of boots: %w", err)
	}
	return cache.WriteFile(r.timesFile(accel), append(data, '\n'))
}

// order returns the order of the boots of a run, and how many run at once.
func (r *Runner) order(p prepared, targets []target) (order []int, atOnce int) {
	if r.opts.InTurn {
		return longestFirst(targets, nil, r.timesName), 1
	}
	available, memory := 0, r.opts.MemoryMiB
	for _, s := range targets {
		memory = max(memory, s.init.MemoryMiB)
	}
	if f, err := os.Open("/proc/meminfo"); err == nil {
		available = availableMiB(f)
		f.Close()
	}
	if left := cgroupMiB(os.DirFS("/")); left > 0 && (available == 0 || left < available) {
		available = left
	}
	var g guest.Guest
	if r.opts.Disk != nil {
		g.Disk = r.opts.Disk.Path
	}
	return longestFirst(targets, r.earlierTimes(p.accel.Name), r.timesName),
		workers(r.jobs(), len(targets), g.Processors(), memory, available)
}

// jobs returns how many boots may run at once: one if a probe measures speed.
func (r *Runner) jobs() int {
	measures := func(p wire.Probe) bool {
		asked, _ := wire.Asked(p.ID, r.opts.Probes, false)
		return asked && strings.HasPrefix(p.ID, wire.PerfFamily+"/")
	}
	if slices.ContainsFunc(wire.Probes(), measures) {
		return 1
	}
	return r.opts.Jobs
}
