package shard

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// env returns an environment of NAME=VALUE.
func env(list string) func(string) string {
	return func(name string) string {
		for pair := range strings.FieldsSeq(list) {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

const slurm = " SLURM_ARRAY_TASK_MIN=%d SLURM_ARRAY_TASK_MAX=%d SLURM_ARRAY_TASK_STEP=%d"

func TestParse(t *testing.T) {
	slurm := func(id, count, least, greatest, step int) string {
		return fmt.Sprintf("SLURM_ARRAY_TASK_ID=%d SLURM_ARRAY_TASK_COUNT=%d"+slurm, id, count, least, greatest, step)
	}
	for _, tc := range []struct{ text, env, want string }{
		{"2/4", "", "shard 2 of 4"},
		{"1/1", "CI_NODE_INDEX=2 CI_NODE_TOTAL=4", "shard 1 of 1"},
		{"auto", slurm(1, 4, 0, 3, 1), "shard 2 of 4 (SLURM_ARRAY_TASK_ID)"},
		{"auto", slurm(1, 4, 1, 4, 1), "shard 1 of 4 (SLURM_ARRAY_TASK_ID)"},
		{"auto", "CI_NODE_INDEX=4 CI_NODE_TOTAL=4", "shard 4 of 4 (CI_NODE_INDEX)"},
		{"auto", "CI_NODE_TOTAL=1", "shard 1 of 1 (CI_NODE_TOTAL)"},
		{"auto", "STRATEGY_JOB_INDEX=0 STRATEGY_JOB_TOTAL=4", "shard 1 of 4 (STRATEGY_JOB_INDEX)"},
		{"auto", "JOB_COMPLETION_INDEX=3 JOB_COMPLETIONS=4", "shard 4 of 4 (JOB_COMPLETION_INDEX)"},
		{"auto", "TEST_SHARD_INDEX=1 TEST_TOTAL_SHARDS=2", "shard 2 of 2 (TEST_SHARD_INDEX)"},
		{"auto", "BUILDKITE_PARALLEL_JOB=0 BUILDKITE_PARALLEL_JOB_COUNT=3", "shard 1 of 3 (BUILDKITE_PARALLEL_JOB)"},
		{"auto", "CIRCLE_NODE_INDEX=1 CIRCLE_NODE_TOTAL=2", "shard 2 of 2 (CIRCLE_NODE_INDEX)"},
		{"auto", "CIRCLE_NODE_INDEX=0 CIRCLE_NODE_TOTAL=1", "shard 1 of 1 (CIRCLE_NODE_INDEX)"},
		{"auto", "CI_NODE_TOTAL=1 " + slurm(2, 4, 1, 4, 1), "shard 2 of 4 (SLURM_ARRAY_TASK_ID)"},
		{"auto", "CI_NODE_INDEX=2 CI_NODE_TOTAL=4 " + slurm(2, 4, 1, 4, 1), "shard 2 of 4 (SLURM_ARRAY_TASK_ID)"},
	} {
		s, err := Parse(tc.text, env(tc.env))
		require.NoError(t, err, tc.env)
		assert.Equal(t, tc.want, s.String())
	}
	whole, err := Parse("", env(slurm(1, 4, 0, 3, 1)))
	require.NoError(t, err)
	assert.Zero(t, whole, "without the flag an engine does not matter")
	for _, tc := range []struct{ text, env, says string }{
		{"auto", "", "no engine has set the shard; auto reads SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT, "},
		{"auto", "CI_NODE_TOTAL=4", "CI_NODE_TOTAL is set, but CI_NODE_INDEX is not"},
		{"auto", "CI_NODE_INDEX=4", "CI_NODE_INDEX is set, but CI_NODE_TOTAL is not"},
		{"auto", "JOB_COMPLETION_INDEX=0", "JOB_COMPLETIONS is not"},
		{"auto", "CI_NODE_INDEX=0 CI_NODE_TOTAL=4", "CI_NODE_INDEX=0 is out of range: with CI_NODE_TOTAL=4 it must be from 1 to 4"},
		{"auto", "TEST_SHARD_INDEX=2 TEST_TOTAL_SHARDS=2", "it must be from 0 to 1"},
		{"auto", "TEST_SHARD_INDEX=0 TEST_TOTAL_SHARDS=0", "the number of shards must be from 1"},
		{"auto", "TEST_SHARD_INDEX=x TEST_TOTAL_SHARDS=2", `TEST_SHARD_INDEX="x": want a number`},
		{"auto", "CI_NODE_INDEX=-1 CI_NODE_TOTAL=4", "want a number"},
		{"auto", "CI_NODE_INDEX=2 CI_NODE_TOTAL=4 " + slurm(2, 4, 0, 3, 1), "two engines disagree: shard 3 of 4 (SLURM_ARRAY_TASK_ID), shard 2 of 4 (CI_NODE_INDEX)"},
		{"auto", slurm(3, 1, 3, 3, 1), "the array 3-3:1 of 1 tasks is not 0-0 or 1-1"},
		{"auto", slurm(1, 4, 1, 7, 2), "the array 1-7:2 of 4 tasks"},
		{"auto", slurm(0, 2, 0, 2, 1), "the array 0-2:1 of 2 tasks"},
		{"auto", "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=4", "SLURM_ARRAY_TASK_MIN is not"},
		{"0/4", "", "the index must be from 1 to 4"},
		{"5/4", "", "the index must be from 1 to 4"},
		{"1/0", "", "the number of shards"},
		{"2", "", `the shard "2": want I/N`},
		{"-1/4", "", "want I/N"},
		{"Auto", "", "want I/N"},
	} {
		_, err := Parse(tc.text, env(tc.env))
		require.ErrorContains(t, err, tc.says, tc.env)
		assert.ErrorAs(t, err, &usage.Error{})
	}
}

func TestLine(t *testing.T) {
	s := Shard{Index: 2, Of: 4, By: "SLURM_ARRAY_TASK_ID"}
	assert.Equal(t, "shard 2 of 4 (SLURM_ARRAY_TASK_ID): no-unix, tiny", s.Line([]string{"no-unix", "tiny"}))
	assert.Equal(t, "shard 2 of 4 (SLURM_ARRAY_TASK_ID): no kernels; there are more shards than kernels", s.Line(nil))
}

func TestAcknowledge(t *testing.T) {
	require.NoError(t, Acknowledge(env("")))
	path := filepath.Join(t.TempDir(), "status")
	require.NoError(t, Acknowledge(env("TEST_SHARD_STATUS_FILE="+path)))
	assert.FileExists(t, path)
	assert.Error(t, Acknowledge(env("TEST_SHARD_STATUS_FILE="+path+"/x")))
}

// ladder are kernels as costs.txt has them, of two object trees.
func ladder() (all []Kernel) {
	for _, series := range []string{"@6.1", "@6.12"} {
		for _, name := range strings.Fields("full no-packet no-netns no-unix no-ipv6 no-inet bare-net no-net tiny") {
			g := GuessFor(ref.Parse(name), false)
			k := Kernel{Name: name + series, Tree: "allnoconfig" + series, First: g.First - g.Next, Next: g.Next, Boots: g.Boot}
			if name == "tiny" {
				k.Tree = "tinyconfig" + series
			}
			all = append(all, k)
		}
	}
	return all
}

func TestSplit(t *testing.T) {
	kernels := ladder()
	for n := 1; n <= 40; n++ {
		shards := Split(kernels, n)
		require.Len(t, shards, n)
		seen := map[int]bool{}
		var longest, sum time.Duration
		for _, of := range shards {
			assert.True(t, slices.IsSorted(of))
			for _, k := range of {
				assert.False(t, seen[k], "each kernel once")
				seen[k] = true
			}
			longest, sum = max(longest, Cost(kernels, of)), sum+Cost(kernels, of)
		}
		assert.Len(t, seen, len(kernels))
		most := time.Duration(0)
		for i := range kernels {
			most = max(most, Cost(kernels, []int{i}))
		}
		mean := sum / time.Duration(min(n, len(kernels)))
		assert.LessOrEqual(t, longest, max(mean*5/4, most), "%d shards", n)
		assert.LessOrEqual(t, longest, Cost(kernels, Split(kernels, 1)[0]))
	}
	assert.Equal(t, [][]int{nil, nil}, Split(nil, 2))
}

// The split does not depend on the order of the kernels, nor on the machine: it is what it was.
func TestSplitIsAlwaysTheSame(t *testing.T) {
	kernels := ladder()
	names := func(all []Kernel) (shards []string) {
		for _, of := range Split(all, 4) {
			var one []string
			for _, k := range of {
				one = append(one, all[k].Name)
			}
			slices.Sort(one)
			shards = append(shards, strings.Join(one, " "))
		}
		return shards
	}
	turned := slices.Clone(kernels)
	slices.Reverse(turned)
	assert.Equal(t, names(kernels), names(turned))
	assert.Equal(t, []string{
		"no-ipv6@6.1 no-net@6.1 no-netns@6.1 no-unix@6.1",
		"no-ipv6@6.12 no-net@6.12 no-netns@6.12 no-unix@6.12",
		"bare-net@6.1 full@6.1 no-inet@6.1 no-packet@6.1 tiny@6.1",
		"bare-net@6.12 full@6.12 no-inet@6.12 no-packet@6.12 tiny@6.12",
	}, names(kernels), "machines with this and with an older netstrip would test other kernels: change it only with costs.txt")
}

func TestGuesses(t *testing.T) {
	full := GuessFor(ref.Parse("full+mine"), false)
	assert.Equal(t, GuessFor(ref.Parse("full"), false), full, "a fragment changes little")
	assert.Greater(t, full.First, full.Next)
	assert.Equal(t, 60*time.Second, GuessFor(ref.Parse("services/systemd"), false).Boot)
	assert.Equal(t, full.Boot*5/2, GuessFor(ref.Parse("full"), true).Boot)
	assert.Equal(t, 600*time.Second, GuessFor(ref.Parse("mine"), false).Next)
	assert.Equal(t, 400*time.Second, GuessFor(ref.Parse("mine+apps"), false).Boot)
	for _, name := range []string{"*", "*+apps", "@foreign", "/systemd"} {
		assert.Contains(t, costs(), name)
	}
}
