package run

import (
	"fmt"
	"sync"
	"time"

	"github.com/netstrip/netstrip/kconfigs/progress"
)

// pace tells how many boots of a run are done, and how long the others take at the same speed.
type pace struct {
	task  *progress.Task
	start time.Time

	mu    sync.Mutex
	left  []float64 // the weight of each boot, 0 when it is done
	done  int
	spent float64 // the weight of those done
}

// newPace begins. took is how many seconds earlier boots of the same names took.
func newPace(p *progress.Printer, names []string, took map[string]float64) *pace {
	all := &pace{start: time.Now(), left: make([]float64, len(names))}
	known, sum := 0, 0.0
	for _, name := range names {
		if took[name] > 0 {
			known, sum = known+1, sum+took[name]
		}
	}
	mean := 1.0
	if known > 0 {
		mean = sum / float64(known)
	}
	for i, name := range names {
		if all.left[i] = took[name]; all.left[i] <= 0 {
			all.left[i] = mean
		}
	}
	if len(names) > 1 {
		all.task = p.Task("boots")
		all.task.State("%s", all.text(0))
	}
	return all
}

// add counts a boot that is done.
func (p *pace) add(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.spent, p.left[i] = p.done+1, p.spent+p.left[i], 0
	p.task.State("%s", p.text(time.Since(p.start)))
}

func (p *pace) text(elapsed time.Duration) string {
	said := fmt.Sprintf("%d of %d", p.done, len(p.left))
	sum := 0.0
	for _, w := range p.left {
		sum += w
	}
	if p.done == 0 {
		return said
	}
	if left := progress.Left(time.Duration(float64(elapsed) / p.spent * sum)); left != "" {
		said += ", " + left
	}
	return said
}

// booting describes a boot that takes about as many seconds as an earlier one; 0 if there is none.
func booting(start time.Time, likely float64) func() string {
	return func() string {
		took := time.Since(start).Seconds()
		if took >= likely {
			return fmt.Sprintf("booting, %.0f s", took)
		}
		return fmt.Sprintf("booting, %.0f of about %.0f s", took, likely)
	}
}
