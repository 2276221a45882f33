package vmtests

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/vmtests/record"
)

// qemuMiB is what a QEMU takes beside its guest's memory: its own code, the
// translated code of a TCG guest, the buffers of its devices.
const qemuMiB = 192

// workers is how many guests run at once: as many as were asked for, and no more than
// there are boots or than memory carries. More guests than cores, of which one with two
// processors takes two, only makes each slower; on one core they run one after the other.
func workers(jobs, boots, processors, guestMiB, availableMiB int) int {
	n := min(jobs/processors, boots)
	if availableMiB > 0 {
		n = min(n, availableMiB/(guestMiB+qemuMiB))
	}
	return max(n, 1)
}

// availableMiB is the memory that can be used without swapping, in MiB; 0 if the
// kernel does not say.
func availableMiB(meminfo io.Reader) int {
	for s := bufio.NewScanner(meminfo); s.Scan(); {
		var kb int
		if n, _ := fmt.Sscanf(s.Text(), "MemAvailable: %d kB", &kb); n == 1 {
			return kb >> 10
		}
	}
	return 0
}

// longestFirst orders boots by how long each took the last time, so that no long one
// is left for the end, when the other cores have nothing to do. Those that were never
// booted come first: nobody knows how long they take.
func longestFirst(subjects []subject, took map[string]float64) []int {
	order := make([]int, len(subjects))
	for i := range order {
		order[i] = i
	}
	known := func(i int) (float64, bool) { t, ok := took[subjects[i].name()]; return t, ok }
	slices.SortStableFunc(order, func(a, b int) int {
		ta, oka := known(a)
		tb, okb := known(b)
		if oka != okb {
			if okb {
				return -1
			}
			return 1
		}
		return cmp.Compare(tb, ta)
	})
	return order
}

// timesFile is where a cache keeps how long boots took, by accelerator and profile.
// Losing it costs nothing but a worse order.
func (r *Rig) timesFile(accel string) string {
	return filepath.Join(r.cache.Dir, "boot-seconds-"+accel+".json")
}

func (r *Rig) earlierTimes(accel string) map[string]float64 {
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

// keepTimes writes down how long the boots of a run took.
func (r *Rig) keepTimes(accel string, records []record.Record) error {
	took := r.earlierTimes(accel)
	if took == nil {
		took = map[string]float64{}
	}
	for _, rec := range records {
		// A kernel of the user's is any kernel, and other probes take other times.
		_, err := kconfigs.Lookup(rec.Ref().Profile())
		if err == nil && rec.Outcome == record.Completed && rec.Probes == "" {
			took[rec.Profile] = rec.Phases.Exit
		}
	}
	data, err := json.Marshal(took)
	if err != nil {
		return fmt.Errorf("keeping the times of boots: %w", err)
	}
	return cache.WriteFile(r.timesFile(accel), append(data, '\n'))
}

// order returns the order of boots of a run, and how many run at once.
func (r *Rig) order(p parts, subjects []subject) (order []int, atOnce int) {
	if r.opts.InTurn {
		return longestFirst(subjects, nil), 1
	}
	available, memory := 0, r.opts.MemoryMiB
	for _, s := range subjects {
		memory = max(memory, s.init.MemoryMiB)
	}
	if f, err := os.Open("/proc/meminfo"); err == nil {
		available = availableMiB(f)
		f.Close()
	}
	if left := cgroupMiB(os.DirFS("/")); left > 0 && (available == 0 || left < available) {
		available = left
	}
	var m machine
	if r.opts.Disk != nil {
		m.disk = r.opts.Disk.Path
	}
	return longestFirst(subjects, r.earlierTimes(p.accel.Name)),
		workers(r.jobs(), len(subjects), m.processors(), memory, available)
}

// jobs is how many boots may run at once: where probes measure, one.
func (r *Rig) jobs() int {
	asked, err := Probes(r.opts.Probes)
	if err == nil && slices.ContainsFunc(asked, func(id string) bool { return strings.HasPrefix(id, wire.PerfFamily+"/") }) {
		return 1
	}
	return r.opts.Jobs
}
