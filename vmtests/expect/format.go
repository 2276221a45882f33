package expect

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// Fields returns the parts of a finding that are compared, as an expectation has them: verdict,
// errno, value and deciding call, "-" for those that are empty. A value is quoted if it would not be
// read back unchanged: with blanks, quotes or control characters, or if it is "-".
func Fields(f wire.Finding) []string {
	odd := func(r rune) bool { return r == '"' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	if f.Value == "-" || strings.ContainsFunc(f.Value, odd) {
		f.Value = strconv.Quote(f.Value)
	}
	return []string{string(f.Verdict), cmp.Or(f.Errno, "-"), cmp.Or(f.Value, "-"), cmp.Or(f.Call, "-")}
}

func answer(f wire.Finding) string { return strings.Join(Fields(f), " ") }

// findingOf parses what answer returns.
func findingOf(id, text string) (wire.Finding, error) {
	f, err := columns(text)
	if err != nil {
		return wire.Finding{}, fmt.Errorf("%s: %w", id, err)
	}
	for i, field := range f {
		switch {
		case field == "-":
			f[i] = ""
		case i == 2 && strings.HasPrefix(field, `"`):
			if f[i], err = strconv.Unquote(field); err != nil {
				return wire.Finding{}, fmt.Errorf("%s: reading the value %s: %w", id, field, err)
			}
		}
	}
	return wire.Finding{ID: id, Verdict: wire.Verdict(f[0]), Errno: f[1], Value: f[2], Call: f[3]}, nil
}

// parseExpectation parses an expectation: lines of a probe and its answer.
func parseExpectation(path, text string) (answers, error) {
	out := answers{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, rest, ok := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		if !ok || rest == "" {
			return nil, fmt.Errorf("%s:%d: want a probe and an answer, got %q", path, n, line)
		}
		if _, twice := out[id]; twice {
			return nil, fmt.Errorf("%s:%d: %s is listed twice", path, n, id)
		}
		if id != outcomeID && id != saidID {
			fields, err := columns(rest)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, n, err)
			}
			rest = strings.Join(fields, " ")
		}
		out[id] = rest
	}
	if out[outcomeID] == "" {
		return nil, fmt.Errorf("%s: no outcome is expected", path)
	}
	return out, nil
}

// columns splits verdict, errno, value (which may be quoted) and call.
func columns(s string) ([]string, error) {
	var out []string
	for range 3 {
		s = strings.TrimLeft(s, " ")
		field, rest, _ := strings.Cut(s, " ")
		if strings.HasPrefix(s, `"`) {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, fmt.Errorf("reading the value in %q: %w", s, err)
			}
			field, rest = quoted, s[len(quoted):]
		}
		if field == "" {
			return nil, errors.New("want verdict, errno, value and call")
		}
		out, s = append(out, field), rest
	}
	return append(out, strings.TrimSpace(s)), nil
}
