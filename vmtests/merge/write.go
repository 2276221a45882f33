package merge

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/report"
)

// answers returns the outcome and the answers of a record, without times.
func (f found) answers() (map[string]string, error) {
	whole, err := f.from.Decode(f.Record)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.from.path, err)
	}
	all := map[string]string{"outcome": string(whole.Outcome)}
	for _, x := range whole.Findings {
		all[report.Escape(x.ID, 100)] = report.Escape(strings.TrimSpace(fmt.Sprintf("%s %s %s %s", x.Verdict, x.Errno, x.Call, x.Value)), 200)
	}
	return all, nil
}

// keys returns the keys of both maps, each once.
func keys(a, b map[string]string) iter.Seq[string] {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return maps.Keys(both)
}

// comparable returns an error if the boots of a run had different initramfs, and notes different
// emulators.
func (r *Result) comparable(of run) error {
	image, machine := map[string]string{}, map[string]string{}
	for _, b := range of.boots {
		own := b.Initramfs.Key
		if i := strings.IndexByte(own, '+'); i >= 0 { // the modules and the init follow
			own = own[:i]
		}
		image[own] = b.from.path
		machine[fmt.Sprintf("QEMU %s with %s", b.Machine.QEMU, b.Machine.Accel)] = b.from.path
	}
	if len(image) > 1 {
		return fmt.Errorf("the shards booted different initramfs, so their answers are not comparable: %s", where(image))
	}
	if len(machine) > 1 {
		r.Notes = append(r.Notes, "the shards used different emulators: "+where(machine))
	}
	return nil
}

// where lists what was found in which file.
func where(of map[string]string) string {
	var all []string
	for what, path := range of {
		all = append(all, fmt.Sprintf("%.60s in %s", report.Escape(what, 60), path))
	}
	return strings.Join(all, ", ")
}

// write writes the runs to a new file and their console logs beside it. After an error nothing is
// left.
func write(runs []run, o Options) (err error) {
	if _, err := os.Lstat(o.Out); !errors.Is(err, fs.ErrNotExist) {
		return usage.Errorf("%s exists: merge writes a new file", o.Out)
	}
	dir := filepath.Dir(o.Out)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing the merged results: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".netstrip-tmp-*")
	if err != nil {
		return fmt.Errorf("writing the merged results: %w", err)
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	logs := logs{dir: dir, taken: map[string]bool{}}
	w := bufio.NewWriterSize(tmp, 1<<20)
	for _, r := range runs {
		if err == nil {
			err = r.write(w, &logs, o.Partial)
		}
	}
	if err == nil {
		err = errors.Join(w.Flush(), tmp.Chmod(0o644), tmp.Sync())
	}
	if err == nil {
		// Unlike a rename this replaces nothing; not all file systems can.
		if err = os.Link(tmp.Name(), o.Out); err != nil && !errors.Is(err, fs.ErrExist) {
			err = os.Rename(tmp.Name(), o.Out)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the merged results: %w", err), logs.remove())
	}
	return nil
}

func (r run) write(w *bufio.Writer, logs *logs, partial bool) error {
	if err := r.plan.WritePlan(w); err != nil {
		return err
	}
	for i, b := range r.boots {
		log, err := logs.copy(b)
		if errors.Is(err, fs.ErrNotExist) && partial {
			log, err = "", nil
		}
		if err == nil {
			err = b.from.Copy(w, b.Record, r.ids[i], r.plan.Run, log)
		}
		if err != nil {
			return fmt.Errorf("%s: the boot %s: %w", b.from.path, report.Escape(b.ID, 100), err)
		}
	}
	return nil
}

// logs are the console logs beside the merged file.
type logs struct {
	dir   string
	taken map[string]bool
	made  []string
}

// copy copies the console log of a record, and returns its path relative to the merged file. It takes
// no path out of a record but that of a file in the directory of console logs.
func (l *logs) copy(f found) (rel string, err error) {
	if f.ConsoleLog == "" {
		return "", nil
	}
	sub, name := filepath.Split(f.ConsoleLog)
	if sub != "console/" || !filepath.IsLocal(name) || !strings.HasSuffix(name, ".log") {
		return "", fmt.Errorf("its console log %s is not in the directory console", report.Escape(f.ConsoleLog, 100))
	}
	from := filepath.Join(filepath.Dir(f.from.path), f.ConsoleLog)
	base := strings.TrimSuffix(name, ".log")
	for n := 2; ; n++ {
		rel = filepath.Join("console", name)
		to := filepath.Join(l.dir, rel)
		switch err := place(from, to); {
		case l.taken[rel] || errors.Is(err, fs.ErrExist):
			name = fmt.Sprintf("%s-again%d.log", base, n)
			continue
		case errors.Is(err, errSame):
		case err != nil:
			return "", err
		default:
			l.made = append(l.made, to)
		}
		l.taken[rel] = true
		return rel, nil
	}
}

func (l *logs) remove() (err error) {
	for _, path := range l.made {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// errSame says that two paths lead to one file.
var errSame = errors.New("the same file")

// place makes to a second name of a file that nobody changes, or else a copy. It replaces nothing.
func place(from, to string) error {
	in, err := file.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if there, err := os.Lstat(to); err == nil {
		if mine, err := in.Stat(); err == nil && os.SameFile(mine, there) {
			return errSame
		}
		return fmt.Errorf("%s: %w", to, fs.ErrExist)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// Write writes the counts for people.
func (r *Result) Write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d of %d boots of %d of %d shards\n", r.Boots, r.PlannedBoots, r.Shards, r.PlannedShards)
	return err
}
