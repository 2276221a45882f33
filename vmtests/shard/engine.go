package shard

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/usage"
)

// engine is a batch system or CI that numbers its jobs in variables.
type engine struct {
	name, index, total string
	first              int // the number of the first job
	// always is set if the total is 1 in every job that is not one of several.
	always bool
}

// engines returns the known engines. GitHub and Kubernetes set no variable with the total, and
// GitHub none with the index; the recipes set those named here.
func engines() []engine {
	return []engine{
		{name: "Slurm", index: "SLURM_ARRAY_TASK_ID", total: "SLURM_ARRAY_TASK_COUNT"},
		{name: "GitLab", index: "CI_NODE_INDEX", total: "CI_NODE_TOTAL", first: 1, always: true},
		{name: "GitHub", index: "STRATEGY_JOB_INDEX", total: "STRATEGY_JOB_TOTAL"},
		{name: "Kubernetes", index: "JOB_COMPLETION_INDEX", total: "JOB_COMPLETIONS"},
		{name: "Bazel", index: "TEST_SHARD_INDEX", total: "TEST_TOTAL_SHARDS"},
		{name: "Buildkite", index: "BUILDKITE_PARALLEL_JOB", total: "BUILDKITE_PARALLEL_JOB_COUNT"},
		{name: "CircleCI", index: "CIRCLE_NODE_INDEX", total: "CIRCLE_NODE_TOTAL", always: true},
	}
}

// find returns the shard that the environment names. No engine is an error: every shard would do
// everything, and all would be green.
func find(getenv func(string) string) (Shard, error) {
	var found, single Shard
	for _, e := range engines() {
		s, err := e.shard(getenv)
		switch {
		case err != nil:
			return Shard{}, err
		case s.Of == 0:
		case e.always && s.Of == 1:
			single = s // says nothing about an engine within
		case found.Of == 0:
			found = s
		case found.Index != s.Index || found.Of != s.Of:
			return Shard{}, usage.Errorf("two engines disagree: %s, %s; name the shard with --shard I/N", found, s)
		}
	}
	if found.Of == 0 {
		found = single
	}
	if found.Of == 0 {
		var names []string
		for _, e := range engines() {
			names = append(names, e.index+" and "+e.total)
		}
		return Shard{}, usage.Errorf("no engine has set the shard; auto reads %s", strings.Join(names, ", "))
	}
	return found, nil
}

// shard returns the shard that an engine has set, the zero value if it is not running this.
func (e engine) shard(getenv func(string) string) (Shard, error) {
	index, total := getenv(e.index), getenv(e.total)
	switch {
	case index == "" && total == "":
		return Shard{}, nil
	case index == "" && total == "1" && e.always:
		return Shard{Index: 1, Of: 1, By: e.total}, nil
	case index == "":
		return Shard{}, usage.Errorf("%s is set, but %s is not: it is unknown which shard this is", e.total, e.index)
	case total == "":
		return Shard{}, usage.Errorf("%s is set, but %s is not: it is unknown how many shards there are", e.index, e.total)
	}
	i, err := number(e.index, index)
	if err != nil {
		return Shard{}, err
	}
	n, err := number(e.total, total)
	if err != nil {
		return Shard{}, err
	}
	first := e.first
	if e.name == "Slurm" {
		if first, err = slurmFirst(getenv, n); err != nil {
			return Shard{}, err
		}
	}
	s := Shard{Index: i - first + 1, Of: n, By: e.index}
	if n >= 1 && (i < first || i-first >= n) {
		return Shard{}, usage.Errorf("%s=%d is out of range: with %s=%d it must be from %d to %d", e.index, i, e.total, n, first, first+n-1)
	}
	return s, s.check()
}

// slurmFirst returns the number of the first task of a Slurm array. An array with gaps, or one that
// begins elsewhere, is a part of another, submitted again: its tasks are not shards 1 to N.
func slurmFirst(getenv func(string) string, count int) (int, error) {
	var of [3]int
	for i, name := range []string{"SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP"} {
		text := getenv(name)
		if text == "" {
			return 0, usage.Errorf("SLURM_ARRAY_TASK_ID is set, but %s is not", name)
		}
		var err error
		if of[i], err = number(name, text); err != nil {
			return 0, err
		}
	}
	least, greatest, step := of[0], of[1], of[2]
	if step != 1 || least > 1 || greatest-least+1 != count {
		return 0, usage.Errorf("the array %d-%d:%d of %d tasks is not 0-%d or 1-%d, so its tasks cannot be numbered; name the shard with --shard I/N",
			least, greatest, step, count, count-1, count)
	}
	return least, nil
}

func number(name, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, usage.Error{Err: fmt.Errorf("%s=%.40q: want a number from 0 to %d", name, text, most)}
	}
	return n, nil
}
