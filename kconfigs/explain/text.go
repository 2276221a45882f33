package explain

import (
	"fmt"
	"io"
	"strings"
)

// width is the width of the text, and column the start of its second column.
const (
	width  = 100
	column = 14
)

// listed is the number of items shown of a long list; JSON has all.
const listed = 12

// glue is a space at which lines are not broken.
const glue = '\x1f'

// Write writes the explanation for people.
func (e Explanation) Write(out io.Writer) error {
	t := &text{}
	title := e.Symbol
	if e.Prompt != "" {
		title += ": " + e.Prompt
	}
	t.line("title", title)
	if e.Config != "" {
		value := e.Value
		if value == "" {
			value = `""`
		}
		value += " in " + e.Config
		if e.Why != "" {
			value += ": " + e.Why
		}
		t.line("value", value)
	}
	if e.Way != nil {
		way := e.Way.String()
		switch {
		case e.Way.Never:
			way = "impossible in any .config, for the reason above"
		case way == "":
			way = "nothing to add"
		}
		t.line("for "+e.Wanted, way)
	}
	kind := e.Type
	if e.Transitional {
		kind += ", " + onlyOld
	}
	t.line("type", kind)
	t.line("defined", strings.Join(e.Places, ", "))
	t.line("depends on", e.Depends)
	t.line("prompt if", e.PromptIf)
	if e.Choice != "" {
		t.line("choice", fmt.Sprintf("one of %s (%s)", strings.Join(e.Members, ", "), e.Choice))
	}
	t.line("default", e.Defaults...)
	t.line("range", e.Ranges...)
	t.links("selected by", e.SelectedBy, e.Config)
	t.links("implied by", e.ImpliedBy, e.Config)
	t.links("selects", e.Selects, "")
	t.links("implies", e.Implies, "")
	t.line("without it", e.Without.String())
	if e.Check != nil {
		t.line("checked", e.Check.lines()...)
	}
	if e.Help != "" {
		t.b.WriteString("\n")
		for l := range strings.Lines(strings.TrimSpace(e.Help)) {
			t.b.WriteString(strings.TrimRight("    "+l, " \n") + "\n")
		}
	}
	_, err := io.WriteString(out, strings.ReplaceAll(t.b.String(), string(glue), " "))
	return err
}

// text is lines in two columns.
type text struct{ b strings.Builder }

// line writes a label with its items, one a line. Empty items are left out, and so is the
// label if there are no others.
func (t *text) line(label string, items ...string) {
	for _, item := range items {
		if item == "" {
			continue
		}
		begin := ""
		if label != "title" {
			begin = fmt.Sprintf("  %-*s ", column-3, label)
		}
		t.wrap(begin, item)
		label = ""
	}
}

// wrap breaks a line between words and continues it in the second column.
func (t *text) wrap(line, item string) {
	empty := true
	for word := range strings.FieldsSeq(item) {
		if !empty && len(line)+1+len(word) > width {
			t.b.WriteString(line + "\n")
			line, empty = strings.Repeat(" ", column), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	t.b.WriteString(line + "\n")
}

// links lists symbols with their conditions, and marks those that are active in config.
func (t *text) links(label string, all []Link, config string) {
	var items []string
	for _, l := range all[:min(len(all), listed)] {
		item := conditional(l.Symbol, l.If) + " (" + l.Place + ")"
		if l.Active && config != "" {
			item += ", active in " + config
		}
		items = append(items, item)
	}
	if n := len(all) - listed; n > 0 {
		items = append(items, fmt.Sprintf("and %d more; --json has all", n))
	}
	t.line(label, items...)
}

// String returns how many symbols are lost, by directory.
func (c Closure) String() string {
	others := len(c.Gone) - len(c.Off)
	if others == 0 {
		return "nothing else is lost"
	}
	var parts []string
	for _, p := range c.Parts[:min(len(c.Parts), listed)] {
		parts = append(parts, fmt.Sprintf("%s%c%d", p.Dir, glue, p.Symbols))
	}
	if n := len(c.Parts) - listed; n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more directories", n))
	}
	return fmt.Sprintf("%s and %d more can never be set: %s", strings.Join(c.Off, ", "), others, strings.Join(parts, ", "))
}

// lines summarizes a check and lists the differences.
func (c *Check) lines() []string {
	all := []string{fmt.Sprintf("with everything else on, %d are gone, and %d can never be set; %d differ",
		c.Measured, len(c.Closure.Gone), len(c.Differences))}
	if len(c.Closure.Off) > 1 {
		all = append(all, fmt.Sprintf("%s select %s and were switched off too",
			strings.Join(c.Closure.Off[1:], ", "), c.Closure.Off[0]))
	}
	for _, d := range c.Differences {
		where := "only measured"
		if d.Closure {
			where = "never on"
		}
		all = append(all, fmt.Sprintf("%s: %s, %s: %s", d.Symbol, where, d.Class, d.Reason))
	}
	return all
}
