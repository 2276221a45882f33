package kconf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Tri is the value of an expression or of a bool or tristate symbol.
type Tri int8

// The three values, in kconfig's own numbers (scripts/kconfig/expr.h:21).
const (
	No Tri = iota
	Mod
	Yes
)

// String returns n, m or y.
func (t Tri) String() string { return "nmy"[t : t+1] }

// Symbol is a symbol as defined in the Kconfig files.
type Symbol struct {
	// Name is without CONFIG_. The name of a choice is "choice FILE:LINE".
	Name string
	// Type is bool, tristate, integer, hex or string.
	Type string
	// Depends are its dependencies, including those of enclosing menus and ifs; nil means
	// none. For several definitions they are joined with ||.
	Depends *Expr
	// Transitional is set if it only passes the value that an old .config has for it on to the
	// defaults of other symbols. It is not written to a .config, has no properties, and counts as
	// visible (Linux 7.3, scripts/kconfig/symbol.c:217).
	Transitional bool
	// Choice is the name of the choice that it belongs to, or empty.
	Choice string
	// Entries are the places that define it, at least one.
	Entries []Entry
	// Properties are in the order of the files.
	Properties []Property
}

// Entry is a place that defines a symbol.
type Entry struct {
	File string
	Line int
	// Help has several lines, or is empty.
	Help string
}

// Property is a line under a symbol's definition.
type Property struct {
	// Kind is prompt, default, select, imply or range.
	Kind string
	// Text is the text of a prompt.
	Text string
	// Value is the default, the selected or implied symbol, or the two ends of the range (Op is
	// ".."). A prompt has none.
	Value *Expr
	// If is its condition, including the dependencies of its entry; nil means always.
	If   *Expr
	File string
	Line int
}

// Expr is an expression.
type Expr struct {
	// Op is "&&" or "||" with two or more operands; "!" with one; "=", "!=", "<", "<=", ">",
	// ">=" or ".." with two leaves; empty for a symbol; or "'" for a constant.
	Op string
	// Name is the symbol, which may be undefined, or the constant.
	Name string
	Args []Expr
}

// UnmarshalJSON reads the program's format: "NAME", "'constant" or ["op", ...].
func (e *Expr) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		err := json.Unmarshal(data, &e.Name)
		if c, ok := strings.CutPrefix(e.Name, "'"); ok {
			e.Op, e.Name = "'", c
		}
		return err
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) < 2 {
		return fmt.Errorf("%s is not an expression", data)
	}
	if err := json.Unmarshal(parts[0], &e.Op); err != nil {
		return err
	}
	e.Args = make([]Expr, len(parts)-1)
	for i := range e.Args {
		if err := e.Args[i].UnmarshalJSON(parts[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// String returns the expression in the syntax of Kconfig files.
func (e *Expr) String() string {
	switch {
	case e == nil:
		return "y"
	case e.Op == "'" && len(e.Name) == 1 && strings.Contains("nmy", e.Name):
		return e.Name
	case e.Op == "'":
		return strconv.Quote(e.Name)
	case e.Op == "":
		return e.Name
	case e.Op == "!":
		return "!" + e.operand(0)
	}
	parts := make([]string, len(e.Args))
	for i := range e.Args {
		parts[i] = e.operand(i)
	}
	return strings.Join(parts, " "+e.Op+" ")
}

// operand puts an operand with operands of its own in parentheses.
func (e *Expr) operand(i int) string {
	arg := &e.Args[i]
	if len(arg.Args) > 1 && (e.Op == "!" || len(arg.Op) == 2 && strings.Contains("&&||", arg.Op)) {
		return "(" + arg.String() + ")"
	}
	return arg.String()
}

// line is an entry as the program writes it. The first entry of a symbol has what belongs to
// the symbol.
type line struct {
	Name, File, Help, Choice, Type string
	Line                           int
	Transitional                   bool
	Depends                        *Expr
	Properties                     []Property
}

// ParseSymbols reads the program's list of symbols, a line for each entry.
func ParseSymbols(data []byte) ([]Symbol, error) {
	var all []Symbol
	at := map[string]int{}
	for text := range bytes.Lines(data) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("parsing the kernel's symbols: %w", err)
		}
		i, ok := at[l.Name]
		if !ok {
			i = len(all)
			at[l.Name] = i
			all = append(all, Symbol{
				Name: l.Name, Type: l.Type, Depends: l.Depends, Transitional: l.Transitional, Properties: l.Properties,
			})
		}
		all[i].Entries = append(all[i].Entries, Entry{l.File, l.Line, l.Help})
		if l.Choice != "" {
			all[i].Choice = l.Choice
		}
	}
	return all, nil
}

// Value is the value of a symbol.
type Value struct {
	// Value is y, m or n, a number, or a string without quotes.
	Value string
	// Visible is the highest value that its prompts allow, Depends the value of its
	// dependencies, Selected the lowest value that others allow.
	Visible, Depends, Selected Tri
	// Written is set if it is in the .config.
	Written bool
}

// parseValues reads lines of name, visible, depends, selected, written and value.
func parseValues(data []byte) (map[string]Value, error) {
	all := map[string]Value{}
	for text := range strings.Lines(string(data)) {
		f := strings.SplitN(strings.TrimSuffix(text, "\n"), "\t", 6)
		if len(f) < 6 {
			return nil, fmt.Errorf("parsing the kernel's values: %q has too few fields", text)
		}
		all[f[0]] = Value{f[5], tri(f[1]), tri(f[2]), tri(f[3]), f[4] == "1"}
	}
	return all, nil
}

func tri(s string) Tri { return Tri(strings.Index("012", s)) }
