package explain

import (
	"fmt"
	"io"
	"strings"
)

// List compares a config with a list of wanted symbols.
type List struct {
	Config string `json:"config"`
	Series string `json:"series"`
	// Missing counts the answers that are not met.
	Missing int      `json:"missing"`
	Answers []Answer `json:"answers"`
	// Together is what to add for all symbols that are possible together.
	Together Way `json:"together"`
}

// List returns the answers for the wanted symbols. It calls tell with each symbol for which it
// seeks a way.
func (w *ConfigState) List(config, series string, wanted []Wanted, tell func(symbol string)) (l List, err error) {
	l.Config, l.Series = config, series
	for _, want := range wanted {
		answer := w.Answer(want)
		if !answer.Met {
			l.Missing++
		}
		l.Answers = append(l.Answers, answer)
	}
	l.Together, err = w.SeekAll(l.Answers, tell)
	return l, err
}

// String returns what the kernel has instead, why, and what to add. It begins with a colon, if it is
// not empty.
func (a Answer) String() string {
	wanted, text := a.Wanted, ""
	if wanted == "" {
		wanted = "it on"
	}
	switch {
	case a.Met && a.Got != "":
		text = ": " + a.Got
	case a.Got != "":
		text = ": wanted " + wanted + ", got " + a.Got
	}
	why := a.Why
	if a.Way != nil {
		why = a.Way.After(why)
	}
	for _, part := range []string{a.Note, why} {
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// Write writes the list for people.
func (c List) Write(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on Linux %s: %d of %d wanted symbols are there\n", c.Config, c.Series, len(c.Answers)-c.Missing, len(c.Answers))
	for _, a := range c.Answers {
		text := a.String()
		if a.Met && a.Got != "" {
			text = strings.Replace(text, ": ", "=", 1)
		}
		fmt.Fprintf(&b, "%-8s %s:%d: %s%s\n", a.State, a.File, a.Line, a.Symbol, text)
	}
	if len(c.Together.Add) > 0 && c.Missing > 1 {
		fmt.Fprintf(&b, "\nfor everything that is available:\n    %s\n", strings.Join(c.Together.Add, "\n    "))
	}
	if c.Together.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Together.Note)
	}
	for _, place := range c.Together.Against {
		fmt.Fprintf(&b, "    not while %s\n", place)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
