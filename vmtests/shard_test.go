package vmtests

import (
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/shard"
)

// TestMain runs the shard of the tests that NETSTRIP_SHARD names, I/N or auto, and all without it.
// Each kernel is tested by one shard; of the tests that are not about one kernel, each is run by one.
func TestMain(m *testing.M) {
	s, err := shard.Parse(os.Getenv(shard.Env), os.Getenv)
	if err == nil && s.Of > 0 {
		fmt.Fprintln(os.Stderr, s.String())
		err = shard.Acknowledge(os.Getenv)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", shard.Env, err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// ownShard is the shard that these tests are.
func ownShard(t testing.TB) shard.Shard {
	t.Helper()
	s, err := shard.Parse(os.Getenv(shard.Env), os.Getenv)
	require.NoError(t, err)
	return s
}

// isMine reports whether a kernel belongs to this shard. One that is not in the table, as it was named
// with -run, belongs to every shard.
func isMine(t testing.TB, k kernels, profile string) bool {
	t.Helper()
	s := ownShard(t)
	if s.Of == 0 {
		return true
	}
	env := fmt.Sprint(s.Of, os.Getenv(fullEnv), os.Getenv(seriesEnv), os.Getenv(arch.Env), os.Getenv(sourceEnv))
	all, done := assignments.Load(env)
	if !done {
		all = assigned(t, s.Of)
		assignments.Store(env, all)
	}
	of, known := all.(map[string]int)[kernelName(k, profile)]
	return !known || of == s.Index
}

// assignments has what assigned returned, by the number of shards and the environment.
var assignments sync.Map

// theirs removes the profiles that belong to other shards.
func theirs(t testing.TB, k kernels, profiles []kconfigs.Profile) []kconfigs.Profile {
	t.Helper()
	return slices.DeleteFunc(profiles, func(p kconfigs.Profile) bool { return !isMine(t, k, p.Name) })
}

func kernelName(k kernels, profile string) string { return profile + "@" + k.set() }

// assigned returns the shards of the kernels of the table, from 1, by their names.
func assigned(t testing.TB, n int) map[string]int {
	t.Helper()
	var all []shard.Kernel
	for _, k := range tested(t) {
		var wants []run.Want
		for _, r := range k.names {
			p, err := kconfigs.Lookup(r.Profile())
			require.NoError(t, err)
			wants = append(wants, run.Want{Profile: p, Init: r.Init})
		}
		a, err := arch.Parse(k.source.Arch)
		require.NoError(t, err)
		planned, err := run.Guess(wants, a.Name)
		require.NoError(t, err)
		for _, p := range planned {
			var of []string
			for _, b := range p.Boots {
				if name := kernelName(k, wants[b].Profile.Name); !slices.Contains(of, name) {
					of = append(of, name)
				}
			}
			p.Guess.Tree += "@" + k.set()
			p.Guess.Name = strings.Join(of, " ") // profiles with one kernel
			all = append(all, p.Guess)
		}
	}
	shards := map[string]int{}
	for i, of := range shard.Split(all, n) {
		for _, k := range of {
			for name := range strings.FieldsSeq(all[k].Name) {
				shards[name] = i + 1
			}
		}
	}
	return shards
}

// parted are the tests that each shard runs a part of.
var parted = []string{"TestFaults", "TestSoak"}

// onlyInItsShard skips a test that another shard runs.
func onlyInItsShard(t *testing.T) {
	t.Helper()
	s := ownShard(t)
	test, _, _ := strings.Cut(t.Name(), "/")
	if s.Of == 0 || slices.Contains(parted, test) {
		return
	}
	if of := shardOfTest(test, s.Of); of != s.Index {
		t.Skipf("%s runs in shard %d of %d", test, of, s.Of)
	}
}

func shardOfTest(test string, n int) int {
	h := fnv.New32a()
	h.Write([]byte(test))
	return int(h.Sum32()%uint32(n)) + 1
}

// part returns the members of a list that a shard has.
func part[T any](s shard.Shard, list []T) (mine []T) {
	for i, one := range list {
		if s.Of == 0 || i%s.Of == s.Index-1 {
			mine = append(mine, one)
		}
	}
	return mine
}

// share returns how many of n this shard does: all shards together do n.
func share(t testing.TB, n int) int {
	t.Helper()
	s := ownShard(t)
	if s.Of == 0 {
		return n
	}
	return n*s.Index/s.Of - n*(s.Index-1)/s.Of
}

// All shards together test every kernel once, and run every other test once.
func TestShards(t *testing.T) {
	usualEnvironment(t)
	for _, full := range []string{"", "1"} {
		t.Setenv(fullEnv, full)
		for _, n := range []int{1, 2, 4, 64} {
			tests, boots, kernels := map[string]int{}, 0, 0
			for i := 1; i <= n; i++ {
				t.Setenv(shard.Env, fmt.Sprintf("%d/%d", i, n))
				for _, k := range tested(t) {
					for _, apps := range []bool{false, true} {
						for _, p := range theirs(t, k, k.profiles(t, apps)) {
							tests[kernelName(k, p.Name)]++
						}
						kernels += len(k.profiles(t, apps))
					}
				}
				boots += share(t, 1000)
			}
			assert.Len(t, tests, kernels/n)
			for name, times := range tests {
				assert.Equal(t, 1, times, "%s with %d shards", name, n)
			}
			assert.Equal(t, 1000, boots)
			assert.LessOrEqual(t, shardOfTest("TestX", n), n)
		}
	}
}
