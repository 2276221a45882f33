// Package bisect searches among real kernels: which symbols broke a probe, and which are the
// least that one needs. It runs on the host. What is to be tried next package search says;
// this package makes a .config of it, builds that, boots it and asks it one thing.
//
// Every answer is kept in a journal beside the results file as soon as there is one, under
// the .config it is of, so that a search that was interrupted goes on where it was. Every
// boot is a record in the results file as all are. While one kernel boots, the one that
// will probably be wanted next is being built.
package bisect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/vmtests/run"
)

// Options say what is searched, and with what. Runner, Kconfig, First, Last and Question must
// be set.
type Options struct {
	Runner  *run.Runner
	Kconfig *kconf.Kconfig
	// Name is that of the search: its records are called Name.1, Name.2, ...
	Name string
	// First and Last are the ends; changes lead from the first to the last.
	First, Last *explain.World
	// Question is what every kernel is asked.
	Question Question
	// Suspects are symbols that are tried first, besides those that the question speaks of.
	Suspects []string
	// Beside names the start of kernels that those searched are like; see kconfigs.Start.
	Beside string
	// Repeat is how often a kernel is asked before its answer counts; 0 means once.
	Repeat int
	// Anew forgets the answers of an earlier search that was interrupted.
	Anew bool
	// Guest says which differences of the ends no boot can tell of; nil: there are none, or
	// none is booted.
	Guest *configdiff.Guest
	// Progress is told of every step; nil tells nobody.
	Progress *progress.Printer
}

// Driver runs a search under way.
type Driver struct {
	Options
	space   *space
	journal *journal
	cost    Cost
	asked   map[string]bool // kernels, by key
	started time.Time
	ahead   *building
}

// Cost is what a search took.
type Cost struct {
	// Steps are the answers that were asked for, Known those that an earlier, interrupted
	// search had had. Kernels were asked for the others, the two ends among them: that is the
	// search's own cost. How many were Built, those ahead of a question that then never came among them,
	// hangs on what the cache had. Configs were settled without either.
	Steps   int `json:"steps"`
	Known   int `json:"known"`
	Kernels int `json:"kernels"`
	Built   int `json:"built"`
	Boots   int `json:"boots"`
	Configs int `json:"configs"`
	// Seconds is the time it took, CPUSeconds what the compilers used of processors.
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
}

// String returns it for people.
func (c Cost) String() string {
	text := fmt.Sprintf("%d kernels asked in %d boots; %d built (%.0f CPU s); %d .configs settled; %.0f s",
		c.Kernels, c.Boots, c.Built, c.CPUSeconds, c.Configs, c.Seconds)
	if c.Known > 0 {
		text += fmt.Sprintf("; %d answers were known from before", c.Known)
	}
	return text
}

// New makes a search ready. It settles, builds and boots nothing.
func New(o Options) *Driver {
	d := &Driver{Options: o, asked: map[string]bool{}, started: time.Now()}
	d.space = newSpace(o, &d.cost)
	return d
}

// name tells this search from others: what is between the same ends, asked the same by the
// same means, is the same search.
func (d *Driver) name(ctx context.Context) (string, error) {
	first, _, err := d.space.Settle(ctx, nil)
	if err != nil {
		return "", err
	}
	last, _, err := d.space.Settle(ctx, d.space.Changes)
	if err != nil {
		return "", err
	}
	means, err := d.means(ctx, first)
	sum := sha256.Sum256([]byte(strings.Join([]string{d.Question.Text, first, last, means}, "\n")))
	return hex.EncodeToString(sum[:])[:16], err
}

// means returns what all answers rest on besides the kernels and the question. The first
// kernel, which is asked first in any case, is built for that.
func (d *Driver) means(ctx context.Context, first string) (string, error) {
	if !d.Question.Boots() {
		return contents(d.Question.command)
	}
	k, err := d.build(ctx, search.Candidate{Key: first, Why: "the first end"})
	if err != nil {
		v, err := d.unbuilt(ctx, err)
		return "", cmp.Or(err, error(&search.EndsError{First: v}))
	}
	return d.Runner.Conditions(ctx, k)
}

// open reads the journal.
func (d *Driver) open(ctx context.Context) error {
	name, err := d.name(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Join(filepath.Dir(d.Runner.Results()), "search")
	return d.load(filepath.Join(dir, name+".jsonl"))
}

// load takes up the answers of a search that was interrupted, unless they are to be forgotten.
func (d *Driver) load(path string) (err error) {
	if d.Anew {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("beginning the search anew: %w", err)
		}
	}
	if d.journal, err = openJournal(path); err != nil {
		return err
	}
	for _, all := range d.journal.known {
		d.cost.Known += len(all)
	}
	if d.cost.Known > 0 {
		d.Progress.Line("%d answers are known from a search that was begun before (%s)", d.cost.Known, d.journal.path)
	}
	return nil
}

// solve searches to the end.
func solve[R any](ctx context.Context, d *Driver, method search.Method[R]) (R, error) {
	var none R
	if err := d.open(ctx); err != nil {
		return none, err
	}
	defer d.drop(false)
	r, err := search.Run(ctx, method, d.journal.known, d.ask)
	d.cost.Seconds = time.Since(d.started).Seconds()
	return r, err
}

// ask has a candidate built and asked.
func (d *Driver) ask(ctx context.Context, c search.Candidate, ahead func() []search.Candidate) (search.Reply, error) {
	d.cost.Steps++
	d.Progress.State("step %d: %s", d.cost.Steps, c.Why)
	k, err := d.build(ctx, c)
	if err != nil {
		return d.unbuilt(ctx, err)
	}
	d.asked[c.Key] = true
	d.cost.Kernels = len(d.asked)
	how := "built before"
	if !k.Cached {
		how = fmt.Sprintf("built in %.0f s", k.WallSeconds)
	}
	d.prefetch(ctx, ahead())
	id := fmt.Sprintf("%s.%d", d.Name, d.cost.Steps)
	v, sure, err := d.question(ctx, c, k, id)
	if err == nil && (!sure || v.Answer == search.Unknown) {
		// A guest that starves may give no answer, or even panic; once is not enough.
		first := v
		id += ".again"
		if v, _, err = d.question(ctx, c, k, id); first.Answer != search.Unknown && v.Answer != first.Answer {
			v = search.Reply{Note: first.Note + ", and then " + v.Note}
		}
	}
	if err != nil {
		return v, err
	}
	d.Progress.Line("step %d: %s: %s (%s)", d.cost.Steps, clip(c.Why), v.Answer, clip(v.Note+"; "+how))
	return v, d.journal.add(entry{Key: c.Key, Reply: v, Set: c.Set, Why: c.Why, Boot: id})
}

// question asks a kernel once, and says whether the guest came to its end.
func (d *Driver) question(ctx context.Context, c search.Candidate, k *kbuild.Kernel, id string) (v search.Reply, sure bool, err error) {
	if d.Question.Boots() {
		d.cost.Boots++
	}
	if v, sure, err = d.Question.ask(ctx, d.Runner, d.profile(id, c), k); err == nil {
		v, err = d.asLast(ctx, c, v)
	}
	return v, sure, err
}

// asLast makes no answer of a failure that is not the last end's, where that counts.
func (d *Driver) asLast(ctx context.Context, c search.Candidate, v search.Reply) (search.Reply, error) {
	if !d.Question.outcome || v.Answer != search.Fail || len(c.Set) == len(d.space.Changes) {
		return v, nil
	}
	key, _, err := d.space.Settle(ctx, d.space.Changes)
	if err != nil {
		return v, err
	}
	outcome := func(note string) string { name, _, _ := strings.Cut(note, ":"); return name }
	for _, last := range d.journal.known[key] {
		if outcome(last.Note) != outcome(v.Note) {
			v.Answer = search.Unknown
		}
	}
	return v, nil
}

// unbuilt says whether a kernel that could not be built is a step without an answer, as
// one that the compiler refuses, or the rig's end.
func (d *Driver) unbuilt(ctx context.Context, err error) (search.Reply, error) {
	if _, refused := errors.AsType[*process.Error](err); !refused || ctx.Err() != nil || strings.Contains(err.Error(), "No space left") {
		return search.Reply{}, err
	}
	d.Progress.Line("step %d: no answer: %v", d.cost.Steps, err)
	return search.Reply{Note: err.Error()}, nil
}

// profile returns a candidate as something that can be built, with what the guest needs
// unless a command is asked, which gets the ends as they are.
func (d *Driver) profile(name string, c search.Candidate) kconfigs.Profile {
	p, err := kconfigs.UserConfig(d.Name, d.space.texts[c.Key])
	if err != nil {
		panic(err) // Kconfig wrote it, and it has been read once
	}
	if !d.Question.Boots() {
		p = p.Own()
	}
	p.Name, p.Start.Beside = name, d.Beside
	return p
}

// build returns a candidate's kernel, which is the very one that was settled.
func (d *Driver) build(ctx context.Context, c search.Candidate) (*kbuild.Kernel, error) {
	next := d.ahead != nil && d.ahead.key == c.Key
	if k := d.drop(next); next && k != nil {
		return k, nil
	}
	k, ok, err := d.Runner.Builder().Made(ctx, d.space.texts[c.Key])
	if ok || err != nil {
		return k, err
	}
	kernels, err := d.Runner.Build(ctx, []kconfigs.Profile{d.profile(d.Name, c)})
	if err != nil {
		return nil, err
	}
	d.count(kernels[0])
	if kernels[0].ConfigSHA256 != c.Key {
		return nil, fmt.Errorf("building %s: make has made another .config of what Kconfig had settled", c.Why)
	}
	return kernels[0], nil
}

func (d *Driver) count(k *kbuild.Kernel) {
	if !k.Cached {
		d.cost.Built++
		d.cost.CPUSeconds += k.CPUSeconds
	}
}

// building is a kernel that is being built ahead.
type building struct {
	key    string
	cancel func()
	done   chan struct{}
	kernel *kbuild.Kernel // once it is done, unless it failed
}

// prefetch begins to build the likeliest of what may come next, if that has to be built.
func (d *Driver) prefetch(ctx context.Context, next []search.Candidate) {
	if len(next) == 0 {
		return
	}
	if _, made, err := d.Runner.Builder().Made(ctx, d.space.texts[next[0].Key]); made || err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &building{key: next[0].Key, cancel: cancel, done: make(chan struct{})}
	d.ahead = b
	p := d.profile(d.Name, next[0])
	go func() {
		defer close(b.done)
		if kernels, err := d.Runner.Build(ctx, []kconfigs.Profile{p}); err == nil { // else it fails again in its turn
			b.kernel = kernels[0]
		}
	}()
}

// drop ends what is being built ahead, or waits for its end, and gives it.
func (d *Driver) drop(wait bool) *kbuild.Kernel {
	b := d.ahead
	if b == nil {
		return nil
	}
	d.ahead = nil
	if !wait {
		b.cancel()
	}
	<-b.done
	b.cancel()
	if b.kernel != nil {
		d.count(b.kernel)
	}
	return b.kernel
}

// clip keeps a line of progress short.
func clip(s string) string {
	const most = 120
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}
