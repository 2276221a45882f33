#!/bin/bash
# Boots kernels as an array of Slurm jobs, then merges and shows the results:
#   RESULTS=/shared/results NETSTRIP_CACHE=/shared/cache SHARDS=4 ./slurm.sh [PROFILE...]
# All nodes need the same kernel source and compiler, and both directories. The exit code is the
# greatest of the shards: 0 as expected, 1 different, 3 no result. A task that is requeued starts its
# shard again.
set -eu
: "${RESULTS:?a new directory that all nodes share}" "${SHARDS:=4}"

if [ -n "${SLURM_ARRAY_TASK_ID-}" ]; then
	exec netstrip run "$@" --shard auto --results "$RESULTS/shard-$SLURM_ARRAY_TASK_ID.jsonl"
fi

mkdir -p "$RESULTS"
export RESULTS SHARDS
code=0
sbatch --wait --requeue --array="0-$((SHARDS - 1))" --cpus-per-task="${CPUS:-2}" \
	--open-mode=append --output="$RESULTS/shard-%a.log" "$0" "$@" || code=$?
cat "$RESULTS"/shard-*.log >&2
netstrip merge "$RESULTS"/shard-*.jsonl -o "$RESULTS/all.jsonl"
netstrip show --results "$RESULTS/all.jsonl"
exit "$code"
