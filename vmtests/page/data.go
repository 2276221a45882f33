package page

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/vmtests/compare"
)

// pageData is what the script knows besides the tables. Places in lists are numbers, so that nothing is
// in it twice.
type pageData struct {
	Texts   []string          `json:"texts"`
	Errnos  map[string]string `json:"errnos"`
	Answers []answer          `json:"answers"`
	Kernels []kernelData      `json:"kernels"`
	Rows    []rowData         `json:"rows"`
	Symbols []symbolData      `json:"symbols"`
	// Config has the symbols that differ between kernels, by their values on each kernel.
	Config []configData `json:"config"`
	Pairs  []pairData   `json:"pairs"`
}

type kernelData struct {
	Name     string   `json:"name"`
	Boots    []string `json:"boots"`
	Outcome  string   `json:"outcome"`
	Repeat   commands `json:"repeat"`
	Log      string   `json:"log,omitempty"`
	LogName  string   `json:"logName,omitempty"`
	Expected string   `json:"expected,omitempty"`
	Nearest  bool     `json:"nearest,omitempty"`
	Version  string   `json:"version"`
	Image    string   `json:"image"`
	// Directories are names and bytes.
	Directories map[string]int64 `json:"dirs,omitempty"`
	Sections    [3]int64         `json:"sections"`
	HasConfig   bool             `json:"hasConfig"`
}

type rowData struct {
	ID    string `json:"id"`
	Word  string `json:"word"`
	About string `json:"about,omitempty"`
	// Symbols are places in Symbols.
	Symbols []int `json:"symbols,omitempty"`
	// Cells are, by kernel: the answer, the time in microseconds, and the place of the boot.
	Cells map[int][3]int64 `json:"cells"`
	Wants map[int]string   `json:"wants,omitempty"`
}

// symbolData is a symbol with its value on each kernel and the reason (places in Texts).
type symbolData struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
	Why    []int    `json:"why"`
}

type configData struct {
	Values  []string `json:"values"`
	Symbols string   `json:"symbols"`
}

// pairData are the times of two kernels whose boots can be compared.
type pairData struct {
	A        int               `json:"a"`
	B        int               `json:"b"`
	Measures []compare.Measure `json:"measures"`
}

func (s *study) data() pageData {
	d := pageData{Errnos: map[string]string{}, Config: s.config(), Pairs: s.pairs()}
	for _, k := range s.Kernels {
		d.Kernels = append(d.Kernels, s.kernelData(k))
	}
	at := map[string]int{}
	for i, name := range s.symbols() {
		at[name] = i
		one := symbolData{Name: name}
		for _, k := range s.Kernels {
			value, why := s.value(k, name)
			one.Values, one.Why = append(one.Values, value), append(one.Why, s.answers.text(why, 400))
		}
		d.Symbols = append(d.Symbols, one)
	}
	for _, g := range []grid{s.Probes, s.Apps} {
		for _, f := range g.Families {
			for _, r := range f.Rows {
				d.Rows = append(d.Rows, rowOf(g, r, at))
			}
		}
	}
	for _, a := range s.answers.list {
		name := s.answers.texts[a.Errno]
		if words := errnoWords[name]; words != "" {
			d.Errnos[name] = words
		}
	}
	s.answers.text("", 1) // there is always a first text
	d.Texts, d.Answers = s.answers.texts, s.answers.list
	return d
}

// value returns the value of a symbol on a kernel and the reason; both may be empty.
func (s *study) value(k *kernel, name string) (value, why string) {
	f := s.facts[k.Newest().Kernel.Key]
	if f == nil || len(f.values) == 0 {
		return "", ""
	}
	return cmp.Or(f.values[name], "n"), f.why[name]
}

func (s *study) kernelData(k *kernel) kernelData {
	r := k.Newest()
	d := kernelData{
		Name: k.Name, Outcome: k.Outcome, Repeat: repeat(r), Log: k.log, LogName: esc(r.ConsoleLog), Expected: k.Expected, Nearest: k.Nearest,
		Version: word(r.Kernel.Version), Image: sizeOf(r.Kernel.ImageBytes), Sections: [3]int64{r.Kernel.Text, r.Kernel.Data, r.Kernel.BSS},
	}
	for _, b := range k.Boots[:min(len(k.Boots), 20)] {
		d.Boots = append(d.Boots, fmt.Sprintf("%s, %s", esc(b.ID), b.Time.UTC().Format(time.DateTime)))
	}
	if f := s.facts[r.Kernel.Key]; f != nil {
		d.HasConfig = len(f.values) > 0
		for _, dir := range f.directories {
			if d.Directories == nil {
				d.Directories = map[string]int64{}
			}
			d.Directories[dir.Name] = dir.Text + dir.Data + dir.BSS
		}
	}
	return d
}

func rowOf(g grid, r row, symbols map[string]int) rowData {
	d := rowData{ID: r.ID, Word: ofProbe(r.ID), About: r.Question, Cells: map[int][3]int64{}}
	for _, name := range r.Symbols {
		d.Symbols = append(d.Symbols, symbols[name])
	}
	for i, c := range r.Cells {
		k := g.Columns[i]
		if c.answer >= 0 {
			d.Cells[k.Index] = [3]int64{int64(c.answer), c.micros, int64(c.boot)}
		}
		if want, odd := k.want[r.ID]; odd {
			if d.Wants == nil {
				d.Wants = map[int]string{}
			}
			d.Wants[k.Index] = want
		}
	}
	return d
}

// config groups the symbols that differ between kernels by their values.
func (s *study) config() []configData {
	names := map[string]bool{}
	for _, k := range s.Kernels {
		if f := s.facts[k.Newest().Kernel.Key]; f != nil {
			for name := range f.values {
				names[name] = true
			}
		}
	}
	groups := map[string][]string{}
	values := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var all []string
		for _, k := range s.Kernels {
			value, _ := s.value(k, name)
			all = append(all, word(value))
		}
		known := slices.DeleteFunc(slices.Clone(all), func(v string) bool { return v == "" })
		if len(slices.Compact(known)) > 1 {
			key := strings.Join(all, "\x00")
			groups[key], values[key] = append(groups[key], name), all
		}
	}
	list := []configData{}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		list = append(list, configData{values[key], strings.Join(groups[key], " ")})
	}
	return list
}

// tooGreat is more than any time in seconds and any memory in KiB. What a guest sends may be greater.
const tooGreat = 1e15

// pairs compares the times of each two kernels that were booted in one run.
func (s *study) pairs() []pairData {
	list := []pairData{}
	times := func(k *kernel) *compare.Side { // without the answers, whose comparison takes long and is not needed
		side := &compare.Side{Name: k.Name, Records: slices.Clone(k.Boots)}
		for i := range side.Records {
			side.Records[i].Findings = nil
		}
		return side
	}
	for i, a := range s.Kernels {
		for _, b := range s.Kernels[i+1:] {
			c := compare.Between(times(a), times(b))
			if c.Run == "" || c.Least() < 2 {
				continue
			}
			sound := slices.DeleteFunc(c.Measures, func(m compare.Measure) bool { return max(m.A.Median, m.B.Median) > tooGreat })
			list = append(list, pairData{a.Index, b.Index, sound})
		}
	}
	return list
}
