package docs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/plan"
	"github.com/netstrip/netstrip/vmtests/target"
)

const shardsText = `# More than one machine

netstrip has no scheduler. It takes its part of the work from the one you have, and joins the results:

    netstrip run --shard 2/4 --results shard-2.jsonl      # or --shard auto
    netstrip merge shard-*.jsonl -o all.jsonl

Recipes that run: [Slurm](../../.github/examples/slurm.sh), [GitHub Actions](../../.github/examples/github.yml),
[a Kubernetes Indexed Job](../../.github/examples/kubernetes.yaml). With GitLab, ` + "`parallel: 4`" + ` and
` + "`--shard auto`" + ` are enough. ` + "`apps`, `bench`" + ` and ` + "`NETSTRIP_SHARD=auto go test ./vmtests`" + ` (also ` + "`make faults`" + `
and ` + "`make soak`" + `) take a shard too; tests that are not about one kernel run in one shard each.

## Which shard

` + "`--shard auto`" + ` reads one pair of variables. A shard says which of them decided, and which kernels it has:
` + "`shard 2 of 4 (SLURM_ARRAY_TASK_ID): no-unix, tiny`" + `.

| | index | from | total |
|---|---|---|---|
| Slurm array | ` + "`SLURM_ARRAY_TASK_ID`" + ` | 0 or 1 | ` + "`SLURM_ARRAY_TASK_COUNT`" + ` (with MIN, MAX, STEP) |
| GitLab | ` + "`CI_NODE_INDEX`" + ` | 1 | ` + "`CI_NODE_TOTAL`" + ` |
| GitHub, set by the recipe | ` + "`STRATEGY_JOB_INDEX`" + ` | 0 | ` + "`STRATEGY_JOB_TOTAL`" + ` |
| Kubernetes | ` + "`JOB_COMPLETION_INDEX`" + ` | 0 | ` + "`JOB_COMPLETIONS`" + `, set by the recipe |
| Bazel | ` + "`TEST_SHARD_INDEX`" + ` | 0 | ` + "`TEST_TOTAL_SHARDS`" + ` |
| Buildkite | ` + "`BUILDKITE_PARALLEL_JOB`" + ` | 0 | ` + "`BUILDKITE_PARALLEL_JOB_COUNT`" + ` |
| CircleCI | ` + "`CIRCLE_NODE_INDEX`" + ` | 0 | ` + "`CIRCLE_NODE_TOTAL`" + ` |

No variable, half a pair, an index out of range, a Slurm array with gaps, or two systems that disagree
are errors (exit code 2): otherwise every job could run everything, and all would pass.

## The split

A kernel is built and booted by one shard. The kernels are distributed so that the longest shard is as
short as possible; an object tree that a shard begins costs more than one more kernel in it.
` + "`--shard I/N`" + ` alone splits by [costs that are part of netstrip](../shard/costs.txt), so that the same
version splits the same kernels alike on every machine. Costs that were measured differ between
machines; ` + "`netstrip plan --shards N --json`" + ` uses those of the machine it runs on, and all machines
follow its file with ` + "`netstrip run --plan FILE --shard I/N`" + `. A plan also takes several series,
architectures, inits and applications.

## How long it takes

Predicted for everything that has expectations, on machines with two cores and an empty cache, by
` + "`netstrip plan --all --guess --jobs 2 --shards N`" + ` (%d kernels, %d boots):

%s
The time stops falling at the longest kernel: %s. The work grows meanwhile, since each
machine begins the object trees of its kernels anew. With more shards than kernels the rest is idle.

## A cache for all

Kernels are shared, object trees are not. A cache directory on NFS may be used by several machines at
once, even if locks do not work between them: an entry is made under a name of its own and renamed into
place, which is atomic and replaces no whole entry; two machines that make the same kernel do so twice,
and the first wins. Each kernel is compared with its hash before it is booted. A machine that shares the
cache keeps an object tree of its own there. This relies on rename(2) being atomic, and on a file being
visible with its contents once it is renamed, as NFS guarantees. Prune a shared cache only while nobody
uses it. ` + "`netstrip cache export`" + ` and ` + "`import`" + ` move kernels without a common directory.

A kernel's key covers the source, the final .config, and the versions of the compiler and linker. What
Kconfig finds out about the compiler is part of the final .config (CC_VERSION_TEXT, GCC_VERSION,
LD_VERSION, CC_HAS_...). Machines with different compilers therefore share no kernel, and
` + "`merge`" + ` rejects their results as different plans.
If machines have the same compiler but differ in other tools that Kconfig looks for, such as pahole, they
boot the kernel that is in the cache first: requests are looked up by compiler and linker only.
`

// shardsTables returns the numbers of kernels and boots, the table of times, and the longest kernel.
func shardsTables(t *testing.T) []any {
	t.Helper()
	var rows strings.Builder
	rows.WriteString("| shards | longest shard | all shards together | times as fast as one |\n|---|---|---|---|\n")
	var one, boots int
	var longest string
	var f *plan.File
	for _, n := range []int{1, 2, 8, 64} {
		var err error
		f, err = plan.New(t.Context(), plan.Options{
			Selection: plan.Selection{All: true}, Shards: n, Jobs: 2,
			Profiles: func(_ source.Options, names ...string) ([]kconfigs.Profile, error) {
				return target.Kernels{}.Profiles(names...)
			},
		})
		require.NoError(t, err)
		most, sum := 0, 0
		for _, s := range f.Shards {
			if sum += int(s.Seconds); int(s.Seconds) > most {
				most, longest = int(s.Seconds), strings.Join(s.Kernels, ", ")
			}
		}
		if n == 1 {
			one = most
		}
		fmt.Fprintf(&rows, "| %d | %d min | %d min | %.1f |\n", n, most/60, sum/60, float64(one)/float64(most))
	}
	for _, k := range f.Kernels {
		boots += len(k.Boots)
	}
	require.NotContains(t, longest, ",", "the longest shard has one kernel")
	return []any{len(f.Kernels), boots, rows.String(), "`" + longest + "`"}
}
