#!/bin/bash
# Tables on N nodes of 8 GPUs under SLURM:  sbatch --nodes=2 cluster/slurm.sh
# Submit it from the checkout, which all nodes see. Stopped or broken off, the same line goes on.
# Before its time limit the run ends after the epoch, and the job is requeued if work is left.
#SBATCH --job-name=dsanet
#SBATCH --nodes=2
#SBATCH --exclusive
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=96
#SBATCH --mem=0
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@1800
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%j.log
set -euo pipefail

# What to run, and where things are; each may come from the environment of sbatch.
TABLES=${TABLES:-table_b}
SEEDS=${SEEDS:-3}
REPO=${REPO:-$SLURM_SUBMIT_DIR}
VENV=${VENV:-$REPO/.venv}
RESULTS=${RESULTS:-$REPO/results/cluster}
DATA=${DATA:-$REPO/data}
WEIGHTS=${WEIGHTS:-$REPO/weights}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
GPUS_PER_TRIAL=${GPUS_PER_TRIAL:-8}
CPUS_PER_TRIAL=${CPUS_PER_TRIAL:-$((SLURM_CPUS_PER_TASK * GPUS_PER_TRIAL / GPUS_PER_NODE))}
WORKERS=${WORKERS:-8}
PORT=${PORT:-6379}
# Seconds from the signal until the epochs in progress are given up: less than in --signal above.
GRACE_S=${GRACE_S:-1500}
# This script runs on the first node; where that has several networks, say which address is meant.
HEAD=${HEAD:-$(hostname -I | awk '{print $1}')}
export RAY_AUTH_TOKEN_PATH=${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}
export MLFLOW_TRACKING_URI=${MLFLOW_TRACKING_URI:-}

# Whoever reaches Ray's ports without a token would run code as you.
export RAY_AUTH_MODE=token
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
export RAY_USAGE_STATS_ENABLED=0
export RAY_ENABLE_UV_RUN_RUNTIME_ENV=0
export RAY_AIR_NEW_OUTPUT=0
export TUNE_DISABLE_AUTO_CALLBACK_LOGGERS=1
export MLFLOW_DISABLE_TELEMETRY=true
export MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT=true
export PATH=$VENV/bin:$PATH
cd "$REPO"
if [[ ! -s $RAY_AUTH_TOKEN_PATH ]]; then
    (umask 077 && mkdir -p "$(dirname "$RAY_AUTH_TOKEN_PATH")" &&
        python -c 'import secrets; print(secrets.token_hex(32), end="")' > "$RAY_AUTH_TOKEN_PATH")
fi
(umask 077 && mkdir -p "$RESULTS")

# The same line on every node: Ray runs on all, the command on the first, and Ray ends with it.
# Ray's own exit code is 0 when it cannot start, so the command leaves its own in a file.
CODE_FILE=$RESULTS/.code-$SLURM_JOB_ID
rm -f "$CODE_FILE"
read -ra TABLE_NAMES <<< "$TABLES"
# shellcheck disable=SC2016  # the words after it are arguments of the inner shell
COMMAND='file=$1; shift; code=0; "$@" || code=$?; echo "$code" > "$file"'
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    ray symmetric-run --address "$HEAD:$PORT" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="$GPUS_PER_NODE" -- \
    bash -c "$COMMAND" harness "$CODE_FILE" \
    harness run "${TABLE_NAMES[@]}" --scale paper --seeds "$SEEDS" --address auto --device cuda \
    --gpus-per-trial "$GPUS_PER_TRIAL" --cpus-per-trial "$CPUS_PER_TRIAL" --workers "$WORKERS" \
    --results "$RESULTS" --data "$DATA" --weights "$WEIGHTS" &
RUN=$!

# SLURM signals this shell before the time limit: the run ends after its epochs, or at once if they
# take too long, and the job is requeued unless that was the end of the work.
SIGNALLED=
# shellcheck disable=SC2329  # the trap calls it
on_signal() {
    SIGNALLED=yes
    (
        for ((s = 0; s < GRACE_S; s++)); do sleep 1; done
        harness stop --now --results "$RESULTS"
    ) &
    DEADLINE=$!
    harness stop --results "$RESULTS" || true
}
trap on_signal USR1
while kill -0 "$RUN" 2> /dev/null; do wait "$RUN" || true; done
[[ -z $SIGNALLED ]] || kill "$DEADLINE" 2> /dev/null || true
CODE=1
if [[ -e $CODE_FILE ]]; then
    CODE=$(< "$CODE_FILE")
    rm "$CODE_FILE"
fi
STOPPED=143
if [[ -n $SIGNALLED && $CODE -eq $STOPPED ]]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$CODE"
