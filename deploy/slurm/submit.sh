#!/usr/bin/env bash
# Runs one benchmark as a Slurm job array and merges the parts.
#
#   SHARDS=8 RESULTS=results/textvqa-7b deploy/slurm/submit.sh textvqa --model llava-hr-7b --precision fp16 --device cuda
#
# Everything behind the script's name goes to `llavahr eval`. RESULTS must be on a file system that all nodes share, and
# belong to this run alone; so must the cache (LLAVAHR_CACHE), where the first job downloads and exports what is missing.
# `llavahr` must be on the PATH. What your cluster wants (partition, GPUs, time) goes into the sbatch files, or into
# sbatch's own variables: SBATCH_PARTITION, SBATCH_GPUS, SBATCH_TIMELIMIT.
#
# When a task fails, the merge job is dropped. Submit the same again: finished tasks end at once, the others continue.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export SHARDS=${SHARDS:?how many parts?} RESULTS=${RESULTS:?the folder of this run\'s results}
mkdir -p "$RESULTS/logs"
submit() { sbatch --parsable --export=ALL --output="$RESULTS/logs/%x-%A_%a.log" "$@"; }

prepare=$(submit "$here/prepare.sbatch" "$@")
array=$(submit --array="1-$SHARDS" --dependency="afterok:$prepare" --kill-on-invalid-dep=yes "$here/eval-array.sbatch" "$@")
merge=$(submit --dependency="afterok:$array" --kill-on-invalid-dep=yes "$here/merge.sbatch")
echo "prepare $prepare, array $array, merge $merge; logs in $RESULTS/logs"
