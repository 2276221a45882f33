// Package shard splits kernels between machines that test them at the same time, and finds out
// from the variables of a batch system or CI which part is this machine's. It runs on the host.
//
// The split depends only on the kernels, on the number of shards and on the costs passed. Costs
// that were measured differ between machines, so a split without a plan file uses those of
// costs.txt, which are part of the program; one with a plan file uses the shards in the file.
package shard

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Env is the environment variable with the shard that tests run: I/N or auto. Commands have the
// flag --shard instead.
const Env = "NETSTRIP_SHARD"

// Shard is one of several parts. The zero value is the whole.
type Shard struct {
	// Index is its number, from 1 to Of.
	Index int `json:"index"`
	Of    int `json:"of"`
	// By is the environment variable that decided, or empty.
	By string `json:"by,omitempty"`
}

// most is the largest number of shards.
const most = 10_000

// String names the shard: shard 2 of 4 (SLURM_ARRAY_TASK_ID).
func (s Shard) String() string {
	text := fmt.Sprintf("shard %d of %d", s.Index, s.Of)
	if s.By != "" {
		text += " (" + s.By + ")"
	}
	return text
}

// Line returns the line that tells people what a shard does: its name, and the names of its
// kernels.
func (s Shard) Line(kernels []string) string {
	if len(kernels) == 0 {
		return s.String() + ": no kernels; there are more shards than kernels"
	}
	return s.String() + ": " + strings.Join(kernels, ", ")
}

// Parse parses I/N, or finds the shard in the environment for auto. Empty text means the whole.
// Every error is a usage.Error.
func Parse(text string, getenv func(string) string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	if text == "auto" {
		return find(getenv)
	}
	m := regexp.MustCompile(`^(\d{1,5})/(\d{1,5})$`).FindStringSubmatch(text)
	if m == nil {
		return Shard{}, usage.Errorf("the shard %q: want I/N, such as 2/4, or auto", text)
	}
	s := Shard{}
	s.Index, _ = strconv.Atoi(m[1]) // the pattern admits only numbers
	s.Of, _ = strconv.Atoi(m[2])
	return s, s.check()
}

// check returns an error for a shard that does not exist.
func (s Shard) check() error {
	switch {
	case s.Of < 1 || s.Of > most:
		return usage.Errorf("%s: the number of shards must be from 1 to %d", s, most)
	case s.Index < 1 || s.Index > s.Of:
		return usage.Errorf("%s: the index must be from 1 to %d", s, s.Of)
	}
	return nil
}

// Acknowledge tells Bazel that the test heeds its shard. Without that Bazel reports an error, as
// every shard could have run all tests.
func Acknowledge(getenv func(string) string) error {
	path := getenv("TEST_SHARD_STATUS_FILE")
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("acknowledging the shard: %w", err)
	}
	return nil
}
