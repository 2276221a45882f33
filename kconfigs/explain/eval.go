package explain

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// value returns a symbol's value. In a comparison, an undefined symbol stands for its own
// name (scripts/kconfig/symbol.c, sym_calc_value).
func (w *ConfigState) value(name string) string {
	if v, ok := w.Values[name]; ok {
		return v.Value
	}
	return name
}

// tri returns a symbol's value in an expression, where everything but y and m is n.
func (w *ConfigState) tri(name string) kconf.Tri {
	s := w.symbols[name]
	if s == nil || !isBool(s) {
		return kconf.No
	}
	return triOf(w.Values[name].Value)
}

func triOf(value string) kconf.Tri {
	switch value {
	case "y":
		return kconf.Yes
	case "m":
		return kconf.Mod
	}
	return kconf.No
}

// eval returns the value of an expression (expr_calc_value, scripts/kconfig/expr.c:891).
func (w *ConfigState) eval(e *kconf.Expr) kconf.Tri {
	if e == nil {
		return kconf.Yes
	}
	switch e.Op {
	case "":
		return w.tri(e.Name)
	case "'":
		return triOf(e.Name)
	case "!":
		return kconf.Yes - w.eval(&e.Args[0])
	case "&&":
		least := kconf.Yes
		for i := range e.Args {
			least = min(least, w.eval(&e.Args[i]))
		}
		return least
	case "||":
		most := kconf.No
		for i := range e.Args {
			most = max(most, w.eval(&e.Args[i]))
		}
		return most
	}
	if w.compare(e) {
		return kconf.Yes
	}
	return kconf.No
}

// compare compares numbers as numbers and everything else as text.
func (w *ConfigState) compare(e *kconf.Expr) bool {
	a, atype := w.operand(&e.Args[0])
	b, btype := w.operand(&e.Args[1])
	order := strings.Compare(a, b)
	x, xok := number(a, atype)
	y, yok := number(b, btype)
	if xok && yok && (atype != "string" || btype != "string") {
		order = cmp.Compare(x, y)
	}
	switch e.Op {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// operand returns the value and type of one side of a comparison.
func (w *ConfigState) operand(e *kconf.Expr) (value, kind string) {
	if e.Op == "'" {
		if e.Name == "y" || e.Name == "m" || e.Name == "n" {
			return e.Name, "tristate"
		}
		return e.Name, ""
	}
	if s := w.symbols[e.Name]; s != nil {
		kind = s.Type
	}
	return w.value(e.Name), kind
}

func number(s, kind string) (float64, bool) {
	base := 0
	switch kind {
	case "bool", "tristate":
		return float64(triOf(s)), true
	case "integer":
		base = 10
	case "hex":
		base, s = 16, strings.TrimPrefix(strings.ToLower(s), "0x")
	}
	if n, err := strconv.ParseInt(s, base, 64); err == nil {
		return float64(n), true
	}
	n, err := strconv.ParseUint(s, base, 64)
	if err != nil {
		return math.NaN(), false
	}
	return float64(n), true
}
