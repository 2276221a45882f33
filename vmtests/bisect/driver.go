// Package bisect searches real kernels for the symbols that broke a probe, or for a minimal set that
// it needs. It runs on the host. Package search decides what to try next; this package turns that
// into a .config, builds and boots it, and asks one question.
//
// Every answer is stored at once in a journal beside the results file, under its .config, so an
// interrupted search continues where it stopped. Every boot is recorded in the results file. While
// one kernel boots, the one that is likely to be needed next is built.
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
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
)

// Options describe a search. Runner, Kconfig, First, Last and Question must be set.
type Options struct {
	Runner  *run.Runner
	Kconfig *kconf.Kconfig
	// Name is the name of the search; its records are Name.1, Name.2, ...
	Name string
	// First and Last are the two ends; changes lead from the first to the last.
	First, Last *explain.ConfigState
	// Question is what every kernel is asked.
	Question Question
	// Suspects are symbols to try first, in addition to those that the question names, in
	// capitals or not, with CONFIG_ or without.
	Suspects []string
	// ObjectTree names the object tree in which the kernels are built; see kconfigs.Start.
	ObjectTree string
	// Repeat is how often a kernel is asked before its answer counts; 0 means once.
	Repeat int
	// Anew discards the answers of an interrupted search.
	Anew bool
	// Guest has the differences between the ends that no boot can show; nil if there are none, or
	// if nothing is booted.
	Guest *configdiff.Guest
	// Progress reports every step; it may be nil.
	Progress *progress.Printer
}

// Driver runs a search.
type Driver struct {
	Options
	space   *space
	journal *journal
	cost    Cost
	asked   map[string]bool // kernels, by key
	started time.Time
	ahead   *building

	good, bad, part string // what the user called the ends, and the part of good that Below searches
}

// Cost is what a search took.
type Cost struct {
	// Steps is how many answers were needed, Known how many an interrupted search had left.
	// Kernels is how many kernels were asked for the others, the two ends included. Built is
	// how many of them were not in the cache, including those built ahead in vain. Configs is
	// how many .configs were settled without being built.
	Steps   int `json:"steps"`
	Known   int `json:"known"`
	Kernels int `json:"kernels"`
	Built   int `json:"built"`
	Boots   int `json:"boots"`
	Configs int `json:"configs"`
	// Seconds is the elapsed time, CPUSeconds the processor time of the compilers.
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
}

// String returns the cost for people.
func (c Cost) String() string {
	text := fmt.Sprintf("%d kernels asked in %d boots; %d built (%.0f CPU s); %d .configs settled; %.0f s",
		c.Kernels, c.Boots, c.Built, c.CPUSeconds, c.Configs, c.Seconds)
	if c.Known > 0 {
		text += fmt.Sprintf("; %d answers were known already", c.Known)
	}
	return text
}

// New prepares a search. It settles, builds and boots nothing.
func New(o Options) *Driver {
	d := &Driver{Options: o, asked: map[string]bool{}, started: time.Now()}
	d.space = newSpace(o, &d.cost)
	return d
}

// name identifies the search: searches with the same ends, question and means are the same.
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

// means returns what the answers depend on apart from kernel and question. It builds the first
// kernel, which is asked first anyway.
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

// load reads the answers of an interrupted search, or removes them for a new one.
func (d *Driver) load(path string) (err error) {
	if d.Anew {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("discarding the interrupted search: %w", err)
		}
	}
	if d.journal, err = openJournal(path); err != nil {
		return err
	}
	for _, all := range d.journal.known {
		d.cost.Known += len(all)
	}
	if d.cost.Known > 0 {
		d.Progress.Line("continuing a search with %d known answers (%s)", d.cost.Known, d.journal.path)
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

// ask builds a candidate and asks it.
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
		// A guest that is starved of CPU may not answer, or even panic, so ask again.
		first := v
		id += ".again"
		if v, _, err = d.question(ctx, c, k, id); first.Answer != search.Unknown && v.Answer != first.Answer {
			v = search.Reply{Note: first.Note + ", and then " + v.Note}
		}
	}
	if err != nil {
		return v, err
	}
	d.Progress.Line("step %d: %s: %s (%s)", d.cost.Steps, report.Escape(c.Why, 120), v.Answer, report.Escape(v.Note+"; "+how, 120))
	return v, d.journal.add(entry{Key: c.Key, Reply: v, Set: c.Set, Why: c.Why, Boot: id})
}

// question asks a kernel once; sure reports whether the boot completed.
func (d *Driver) question(ctx context.Context, c search.Candidate, k *kbuild.Kernel, id string) (v search.Reply, sure bool, err error) {
	if d.Question.Boots() {
		d.cost.Boots++
	}
	if v, sure, err = d.Question.ask(ctx, d.Runner, d.profile(id, c), k); err == nil {
		v, err = d.asLast(ctx, c, v)
	}
	return v, sure, err
}

// asLast turns a failure unlike that of the last end into no answer, if the question is about
// outcomes.
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

// unbuilt decides whether a failed build is a step without an answer, because the compiler
// refused it, or ends the search.
func (d *Driver) unbuilt(ctx context.Context, err error) (search.Reply, error) {
	if _, refused := errors.AsType[*process.Error](err); !refused || ctx.Err() != nil || strings.Contains(err.Error(), "No space left") {
		return search.Reply{}, err
	}
	d.Progress.Line("step %d: no answer: %v", d.cost.Steps, err)
	return search.Reply{Note: err.Error()}, nil
}

// profile returns a profile for a candidate, with what the guest needs unless a command is
// asked, which gets the kernels unchanged.
func (d *Driver) profile(name string, c search.Candidate) kconfigs.Profile {
	p, err := kconfigs.UserConfig(d.Name, d.space.texts[c.Key])
	if err != nil {
		panic(err) // Kconfig wrote it, and it was read before
	}
	if !d.Question.Boots() {
		p = p.Own()
	}
	p.Name, p.Start.ObjectTree = name, d.ObjectTree
	return p
}

// build builds a candidate, and checks that its .config is the one settled.
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
		return nil, fmt.Errorf("building %s: make changed the .config that Kconfig had settled", c.Why)
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
	kernel *kbuild.Kernel // once done is closed; nil if the build failed
}

// prefetch starts to build the most likely next kernel, unless it is in the cache.
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
		if kernels, err := d.Runner.Build(ctx, []kconfigs.Profile{p}); err == nil { // an error will occur again in its turn
			b.kernel = kernels[0]
		}
	}()
}

// drop cancels the build ahead, or waits for it, and returns its kernel if there is one.
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
