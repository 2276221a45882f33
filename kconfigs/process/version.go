package process

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

const (
	versionLimit = 10 * time.Second
	versionBytes = 1 << 10
)

// Version runs a program that prints its version, and returns the first line of its standard
// output.
func Version(ctx context.Context, args ...string) (string, error) {
	return version(ctx, versionLimit, args)
}

func version(ctx context.Context, limit time.Duration, args []string) (string, error) {
	if err := find(args[0]); err != nil {
		return "", err
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := prepare(within, Command{Args: args})
	var out head
	said := &lines{}
	cmd.Stdout, cmd.Stderr = &out, said
	err := runGroup(cmd)
	line, _, _ := strings.Cut(string(out), "\n")
	line = strings.Map(printable, strings.TrimSpace(strings.ToValidUTF8(line, "?")))
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case within.Err() != nil:
		return "", fmt.Errorf("%s: no answer in %s", strings.Join(args, " "), limit)
	case err != nil:
		return "", &Error{Args: args, Tail: said.tail.String(), Err: err}
	case line == "":
		return "", &Error{Args: args, Err: errors.New("it prints no version")}
	}
	return line, nil
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// head keeps the beginning of what is written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), versionBytes-len(*h))]...)
	return len(p), nil
}
