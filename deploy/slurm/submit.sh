#!/usr/bin/env bash
# Runs one benchmark as a Slurm job array and merges the parts.
#
#   SHARDS=8 RESULTS=results/textvqa-7b deploy/slurm/submit.sh textvqa --model llava-hr-7b --precision fp16 --device cuda
#
# All arguments are passed to `llavahr eval`. RESULTS must be on a file system shared by all nodes and used only by this
# run. The cache (LLAVAHR_CACHE), to which the first job downloads and exports, must also be shared. `llavahr` must be on
# the PATH. Set your cluster's options (partition, GPUs, time) in the sbatch files, or with sbatch's own variables:
# SBATCH_PARTITION, SBATCH_GPUS, SBATCH_TIMELIMIT.
#
# If a task fails, the merge job is cancelled. Submit again: finished tasks end immediately, the others resume.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export SHARDS=${SHARDS:?set it to the number of parts} RESULTS=${RESULTS:?set it to the folder for the results}
mkdir -p "$RESULTS/logs"
submit() { sbatch --parsable --export=ALL --output="$RESULTS/logs/%x-%A_%a.log" "$@"; }

prepare=$(submit "$here/prepare.sbatch" "$@")
array=$(submit --array="1-$SHARDS" --dependency="afterok:$prepare" --kill-on-invalid-dep=yes "$here/eval-array.sbatch" "$@")
merge=$(submit --dependency="afterok:$array" --kill-on-invalid-dep=yes "$here/merge.sbatch")
echo "prepare $prepare, array $array, merge $merge; logs in $RESULTS/logs"
