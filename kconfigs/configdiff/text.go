package configdiff

import (
	"fmt"
	"io"
	"strings"
)

// width is the width of the text.
const width = 100

// folded is the number of items shown of a list unless all are requested.
const folded = 12

// Text is how a division is written.
type Text struct {
	// All omits nothing, and adds the reason for each difference that followed.
	All bool
	// Markdown writes a table, which has no room for reasons.
	Markdown bool
}

// Write writes what differs from a to b, which are names.
func (d *Division) Write(out io.Writer, a, b string, t Text) error {
	w := &writer{Text: t}
	w.line("", fmt.Sprintf("%s to %s: %s", a, b, d.summary()))
	if len(d.Asked) > 0 {
		w.b.WriteString("\n")
	}
	if t.Markdown && len(d.Asked) > 0 {
		w.table(d)
	} else {
		w.roots(d.Asked)
	}
	if len(d.Rest) > 0 {
		w.line("", fmt.Sprintf("%d for an unknown reason", len(d.Rest)))
		w.list("", d.Rest)
	}
	if d.Differ > 0 {
		w.b.WriteString("\n")
		w.line("", d.verdict(a, b))
	}
	w.guest(d.Guest)
	_, err := io.WriteString(out, w.b.String())
	return err
}

func (d *Division) summary() string {
	if d.Differ == 0 {
		return "no symbol differs"
	}
	return fmt.Sprintf("%s, %d requested, %d that followed", count(d.Differ, "symbol differs", "symbols differ"), len(d.Asked), d.Differ-len(d.Asked))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// verdict summarizes the check of the leaves.
func (d *Division) verdict(a, b string) string {
	leaves := 0
	for _, r := range d.Asked {
		if r.Leaf {
			leaves++
		}
	}
	text := fmt.Sprintf("Checked with the kernel's Kconfig: %s with %s changed ", a, count(leaves, "symbol", "symbols"))
	if len(d.Left) > 0 {
		var left []string
		for _, c := range d.Left {
			left = append(left, c.Symbol)
		}
		return text + fmt.Sprintf("still differs from %s: %s", b, strings.Join(left, ", "))
	}
	text += "is " + b
	if n := len(d.Asked) - leaves; n > 0 {
		text += fmt.Sprintf("; %d of those requested would have followed anyway", n)
	}
	return text + "."
}

// writer collects the text.
type writer struct {
	Text
	b strings.Builder
}

// line writes words, broken at the width, with every line indented.
func (w *writer) line(indent, words string) {
	line := indent
	for word := range strings.FieldsSeq(words) {
		if len(line) > len(indent) && len(line)+1+len(word) > width && !w.Markdown {
			w.b.WriteString(line + "\n")
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	w.b.WriteString(line + "\n")
}

// fold joins the items shown of a list.
func (w *writer) fold(items []string) string {
	n := len(items)
	if w.All || n <= folded+1 {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:folded], ", "), n-folded)
}

// roots writes the roots with their followers, and then those without.
func (w *writer) roots(all []Root) {
	var alone []string
	hidden, behind := 0, 0
	for i, r := range all {
		switch {
		case len(r.Followed) == 0 && !w.All:
			alone = append(alone, r.short("y"))
		case i >= folded && !w.All:
			hidden, behind = hidden+1, behind+len(r.Followed)
		default:
			w.root(r)
		}
	}
	if hidden > 0 {
		w.line("", fmt.Sprintf("and %d more, with %d that followed", hidden, behind))
	}
	if len(alone) > 0 {
		w.line("", fmt.Sprintf("%d that nothing followed from", len(alone)))
		w.line("    ", w.fold(alone))
	}
}

func (w *writer) root(r Root) {
	title := r.arrow()
	if r.Asked != "" {
		title += " (" + r.Asked + ")"
	}
	if !r.Leaf {
		title += ", which would have followed anyway"
	}
	if n := len(r.Followed); n > 0 {
		title += fmt.Sprintf(", and %d with it", n)
	}
	w.line("", title)
	w.list(r.To, r.Followed)
}

func (w *writer) list(to string, all []Follower) {
	var items []string
	for _, f := range all {
		items = append(items, f.short(to))
		if w.All {
			w.line("    ", f.arrow()+": "+f.Why)
		}
	}
	if len(all) > 0 && !w.All {
		w.line("    ", w.fold(items))
	}
}

// table writes the roots as Markdown.
func (w *writer) table(d *Division) {
	w.b.WriteString("| requested | where | followed | |\n|---|---|---:|---|\n")
	for _, r := range d.Asked {
		var items []string
		for _, f := range r.Followed {
			items = append(items, code(f.short(r.To)))
		}
		fmt.Fprintf(&w.b, "| %s | %s | %d | %s |\n", code(r.arrow()), r.Asked, len(items), w.fold(items))
	}
}

// code formats text as code in a Markdown table.
func code(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }

func (c Change) arrow() string {
	return fmt.Sprintf("%s %s -> %s", c.Symbol, brief(c.From), brief(c.To))
}

// short leaves out the expected value.
func (c Change) short(expected string) string {
	if c.To == expected {
		return c.Symbol
	}
	return c.Symbol + "=" + brief(c.To)
}

// brief cuts a long string.
func brief(value string) string {
	const most = 60
	if len(value) <= most {
		return value
	}
	return value[:most-3] + "..."
}
