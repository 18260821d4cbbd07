#!/bin/bash
# Tables as shards without Ray, each on one GPU of any node:  sbatch --array=1-8 cluster/slurm-array.sh
# Submit it from the checkout, which all nodes see. Stopped or broken off, the same line goes on. For
# some shards of the same division alone:  SHARDS=8 sbatch --array=2,5 cluster/slurm-array.sh
# Before its time limit a shard ends after the epoch, and is requeued if work is left.
#SBATCH --job-name=dsanet
#SBATCH --array=1-8
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gpus=1
#SBATCH --cpus-per-task=12
#SBATCH --mem-per-gpu=60G
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@1800
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%A_%a.log
set -euo pipefail

# What to run, and where things are; each may come from the environment of sbatch.
TABLES=${TABLES:-table_b}
SEEDS=${SEEDS:-3}
SHARDS=${SHARDS:-$SLURM_ARRAY_TASK_MAX}
REPO=${REPO:-$SLURM_SUBMIT_DIR}
VENV=${VENV:-$REPO/.venv}
RESULTS=${RESULTS:-$REPO/results/cluster}
DATA=${DATA:-$REPO/data}
WEIGHTS=${WEIGHTS:-$REPO/weights}
GPUS_PER_TRIAL=${GPUS_PER_TRIAL:-1}
WORKERS=${WORKERS:-8}
# Seconds from the signal until the epoch in progress is given up: less than in --signal above.
GRACE_S=${GRACE_S:-1500}
export MLFLOW_TRACKING_URI=${MLFLOW_TRACKING_URI:-}
export MLFLOW_DISABLE_TELEMETRY=true
export MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT=true
export PATH=$VENV/bin:$PATH
cd "$REPO"

read -ra TABLE_NAMES <<< "$TABLES"
harness run "${TABLE_NAMES[@]}" --scale paper --seeds "$SEEDS" \
    --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --campaign "slurm-$SLURM_ARRAY_JOB_ID" --device cuda \
    --gpus-per-trial "$GPUS_PER_TRIAL" --cpus-per-trial "$SLURM_CPUS_PER_TASK" \
    --workers "$WORKERS" --results "$RESULTS" --data "$DATA" --weights "$WEIGHTS" &
RUN=$!

# SLURM signals this shell before the time limit: the shard ends after its epoch, or at once if that
# takes too long, and the job is requeued unless that was the end of the work.
SIGNALLED=
# shellcheck disable=SC2329  # the trap calls it
on_signal() {
    SIGNALLED=yes
    kill -TERM "$RUN" 2> /dev/null || true
    (
        for ((s = 0; s < GRACE_S; s++)); do sleep 1; done
        kill -TERM "$RUN"
    ) &
    DEADLINE=$!
}
trap on_signal USR1
while kill -0 "$RUN" 2> /dev/null; do wait "$RUN" || true; done
[[ -z $SIGNALLED ]] || kill "$DEADLINE" 2> /dev/null || true
CODE=0
wait "$RUN" || CODE=$?
STOPPED=143
if [[ -n $SIGNALLED && $CODE -eq $STOPPED ]]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$CODE"
