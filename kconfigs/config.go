package kconfigs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Config is a kernel's final .config.
type Config struct {
	values map[string]string
}

// ParseConfig reads a final .config as strictly as a fragment: an invalid line is an error, not
// a comment.
func ParseConfig(data []byte) (Config, error) {
	c := Config{values: map[string]string{}}
	var first error
	eachLine(data, func(n int, line string) {
		symbol, value, err := parseLine(line)
		if _, twice := c.values[symbol]; twice && err == nil {
			err = fmt.Errorf("CONFIG_%s is set twice", symbol)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("parsing .config: line %d: %w", n, err)
		}
		if err == nil && symbol != "" {
			c.values[symbol] = value
		}
	})
	if first == nil && len(c.values) == 0 {
		first = errors.New("parsing .config: it sets no symbol")
	}
	return c, first
}

// Value returns a symbol's value as written in a .config; n if the symbol is missing or "is
// not set".
func (c Config) Value(symbol string) string {
	if v, ok := c.values[symbol]; ok {
		return v
	}
	return "n"
}

func isTristate(v string) bool { return v == "y" || v == "m" || v == "n" }

// isNumber accepts the values that kconfig accepts for int and hex symbols.
func isNumber(v string) bool {
	_, err := number(v)
	return err == nil
}

func number(v string) (int64, error) {
	if hex, ok := strings.CutPrefix(strings.ToLower(v), "0x"); ok {
		u, err := strconv.ParseUint(hex, 16, 64)
		return int64(u), err
	}
	return strconv.ParseInt(v, 10, 64)
}

// sameValue compares values like kconfig: 0x10 and 0X10 are the same number, and so are 16 and
// 016; other values must be written in the same way.
func sameValue(a, b string) bool {
	x, xerr := number(a)
	y, yerr := number(b)
	if xerr == nil && yerr == nil {
		return x == y
	}
	return a == b
}
