package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"golang.org/x/sys/unix"
)

// planKind marks a line of a results file as a plan. A record has no kind.
const planKind = "plan"

// Plan is what a run is going to boot. It is written before anything is built, so that an
// interrupted run can be recognised and resumed however it was interrupted.
type Plan struct {
	Schema int       `json:"schema"`
	Kind   string    `json:"kind"`
	Run    string    `json:"run"`
	Time   time.Time `json:"time"`
	// Origin is where the kernels of all boots come from; nil if an older netstrip wrote the plan.
	Origin *ref.Origin `json:"origin,omitempty"`
	// Probes are the patterns that select the probes.
	Probes string `json:"probes,omitempty"`
	// Append are the arguments that the user added to the kernels' command lines.
	Append string `json:"append,omitempty"`
	// Apps is a hash of the applications and their disk; empty if none is run.
	Apps  string `json:"apps,omitempty"`
	Boots []Boot `json:"boots"`
	// Shard is set if the boots are one shard's; a shard without kernels has none.
	Shard *Part `json:"shard,omitempty"`
}

// Part says which shard of a plan another plan is.
type Part struct {
	// Index is the shard's number, from 1 to Of, and By the environment variable that decided.
	Index int    `json:"index"`
	Of    int    `json:"of"`
	By    string `json:"by,omitempty"`
	// Whole are the boots of all shards in order. Their IDs begin with the run of this shard.
	Whole []Boot `json:"whole"`
}

// Key identifies the whole of which the plan is a shard, whichever shard it is: the boots of all
// shards and the probes. It is empty if the plan is not a shard's. The applications are not part of
// it: a shard without kernels does not look at them.
func (p Plan) Key() string {
	if p.Shard == nil {
		return ""
	}
	h := sha256.New()
	whole := slices.Clone(p.Shard.Whole)
	for i := range whole {
		whole[i].ID = strings.TrimPrefix(whole[i].ID, p.Run)
	}
	_ = json.NewEncoder(h).Encode([]any{p.Probes, p.Shard.Of, whole}) // writing to a hash cannot fail
	return hex.EncodeToString(h.Sum(nil))
}

// Boot is one boot of a plan.
type Boot struct {
	// ID is the ID of its record.
	ID string `json:"id"`
	// Profile is the name of the profile without the user's fragments, which are in Added.
	Profile string     `json:"profile"`
	Added   []Fragment `json:"added,omitempty"`
	// Override lets them win over the profile's own.
	Override bool `json:"override,omitempty"`
	// Config is the user's whole .config; Image and Modules are the paths of the user's
	// prebuilt kernel.
	Config  *Fragment `json:"config,omitempty"`
	Image   string    `json:"image,omitempty"`
	Modules string    `json:"modules,omitempty"`
	// Init is the init under test; empty means u-root's, which is not under test.
	Init string `json:"init,omitempty"`
	// Inputs is a hash of everything that goes into the kernel and the init. A run is not
	// resumed if that has changed.
	Inputs string `json:"inputs"`
}

// Fragment is a user's fragment or .config. Its text is kept, as the file may change.
type Fragment struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// settled returns, from all records of a file, those of the plan's boots that need not be
// repeated, in the plan's order. Boots with an infrastructure failure have to be.
func (p Plan) settled(records []Record) []Record {
	byID := map[string]Record{}
	for _, r := range records {
		byID[r.ID] = r // of a repeated ID the last line counts
	}
	var settled []Record
	for _, b := range p.Boots {
		if r, ok := byID[b.ID]; ok && r.Outcome != "" && !r.Outcome.RigFault() {
			settled = append(settled, r)
		}
	}
	return settled
}

// Run is a run in progress. No other netstrip resumes it until it is closed or its process
// ends.
type Run struct {
	Plan Plan
	// Done are the records it had when it was resumed, without infrastructure failures.
	Done []Record

	store Store
	file  *os.File // holds the run's lock
}

// Begin stores the plan of a new run.
func (s Store) Begin(ctx context.Context, p Plan) (*Run, error) {
	p.Schema, p.Kind = Schema, planKind
	line, err := encode(p)
	if err != nil {
		return nil, fmt.Errorf("storing the plan of %s: %w", p.Run, err)
	}
	f, err := s.open()
	if err != nil {
		return nil, fmt.Errorf("opening the results: %w", err)
	}
	if err = lock(ctx, f, unix.F_WRLCK, runByte(p.Run), nil); err == nil {
		err = s.lockedAppend(ctx, f, line)
	}
	if errors.Is(err, errPruned) {
		f.Close()
		return s.Begin(ctx, p)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("storing the plan of %s: %w", p.Run, err)
	}
	return &Run{Plan: p, store: s, file: f}, nil
}

// Unfinished returns the plans of runs that lack boots, and how many each lacks.
func (f *File) Unfinished() (plans []Plan, missing []int) {
	for _, p := range f.plans {
		if n := len(p.Boots) - len(p.settled(f.Records)); n > 0 {
			plans, missing = append(plans, p), append(missing, n)
		}
	}
	return plans, missing
}

// Resume resumes the latest unfinished run of the file that no other netstrip is running; ok
// is false if there is none.
func (s Store) Resume() (run *Run, ok bool, err error) {
	f, err := file.OpenFile(s.Path, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("opening the results: %w", err)
	}
	defer func() {
		if !ok {
			f.Close()
		}
	}()
	all, err := s.Open()
	if err != nil {
		return nil, false, err
	}
	defer all.Close()
	// The names of runs sort by time.
	slices.SortStableFunc(all.plans, func(a, b Plan) int { return strings.Compare(b.Run, a.Run) })
	for _, p := range all.plans {
		if len(p.settled(all.Records)) == len(p.Boots) || !tryLock(f, runByte(p.Run)) {
			continue
		}
		// The last holder of the lock may have finished the run.
		now, err := s.Open()
		if err != nil {
			return nil, false, err
		}
		defer now.Close()
		if done := p.settled(now.Records); len(done) < len(p.Boots) {
			done, _, err = now.Read(done) // damaged ones count as missing
			return &Run{Plan: p, Done: done, store: s, file: f}, err == nil, err
		}
		unlock(f, runByte(p.Run))
	}
	return nil, false, nil
}

// Missing returns the indexes of the plan's boots that had not been done when the run began
// or was resumed.
func (r *Run) Missing() []int {
	var missing []int
	for i, b := range r.Plan.Boots {
		if !slices.ContainsFunc(r.Done, func(d Record) bool { return d.ID == b.ID }) {
			missing = append(missing, i)
		}
	}
	return missing
}

// Check returns an error unless the file is still the one that the run began with. In a new
// file a record would lack those before it.
func (r *Run) Check() error {
	began, err := r.file.Stat()
	if err != nil {
		return fmt.Errorf("inspecting the results: %w", err)
	}
	now, err := os.Stat(r.store.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the results file %s was removed during the run", r.store.Path)
	}
	if err != nil {
		return fmt.Errorf("inspecting the results: %w", err)
	}
	if !os.SameFile(began, now) {
		return fmt.Errorf("the results file %s was replaced during the run", r.store.Path)
	}
	return nil
}

// Append is Store.Append, but only to the file that the run began with.
func (r *Run) Append(ctx context.Context, rec Record) error {
	if err := r.Check(); err != nil {
		return fmt.Errorf("storing the record %s: %w", rec.ID, err)
	}
	return r.store.Append(ctx, rec)
}

// Close releases the run.
func (r *Run) Close() error { return r.file.Close() }

// decodePlan reads a plan; why says what is wrong with the line, if anything is.
func decodePlan(line []byte) (p Plan, why string) {
	if err := json.Unmarshal(line, &p); err != nil {
		return Plan{}, fmt.Sprintf("not a plan: %v", err)
	}
	if p.Run == "" || len(p.Boots) == 0 && p.Shard == nil || strings.ContainsAny(p.Run, "/\n") {
		return Plan{}, "not a plan: it has no run or no boots"
	}
	if s := p.Shard; s != nil && (s.Index < 1 || s.Index > s.Of || len(s.Whole) < len(p.Boots)) {
		return Plan{}, "not a plan: its shard does not exist"
	}
	return p, ""
}

// runByte returns the byte of a results file that a run keeps locked while it lasts.
func runByte(run string) int64 {
	h := fnv.New32a()
	h.Write([]byte(run))
	return appendByte + 1 + int64(h.Sum32())
}
