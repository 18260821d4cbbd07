#!/bin/bash
# Tables on a Ray cluster that stands already:  cluster/submit.sh
# The driver runs on the head and outlives this shell; `ray job stop ID` stops it, and the same
# command goes on. Needs ray[default] here and on the head, and the token of the cluster.
set -euo pipefail

# What to run, and where things are, as every node sees them.
TABLES=${TABLES:-table_b}
SEEDS=${SEEDS:-3}
REPO=${REPO:-$PWD}
VENV=${VENV:-$REPO/.venv}
RESULTS=${RESULTS:-$REPO/results/cluster}
DATA=${DATA:-$REPO/data}
WEIGHTS=${WEIGHTS:-$REPO/weights}
GPUS_PER_TRIAL=${GPUS_PER_TRIAL:-8}
CPUS_PER_TRIAL=${CPUS_PER_TRIAL:-96}
WORKERS=${WORKERS:-8}
# The job server of the head; from elsewhere, through `ssh -L 8265:127.0.0.1:8265 HEAD`.
JOBS=${JOBS:-http://127.0.0.1:8265}

export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH=${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}
export RAY_USAGE_STATS_ENABLED=0
export RAY_ENABLE_UV_RUN_RUNTIME_ENV=0

# Every user can read the words of a command, here and on the head. The address of the MLflow server
# and its password therefore go by a private file in the results folder, which the job deletes.
COMMAND=()
for NAME in MLFLOW_TRACKING_URI MLFLOW_TRACKING_{USERNAME,PASSWORD,TOKEN}; do
    [[ -n ${!NAME:-} ]] || continue
    if [[ ${#COMMAND[@]} -eq 0 ]]; then
        (umask 077 && mkdir -p "$RESULTS")
        FILE=$(umask 077 && mktemp "$RESULTS/.environment-XXXXXXXX")
        # shellcheck disable=SC2016  # the words are those of the inner shell
        COMMAND=(bash -c 'source "$0" && rm "$0" && exec "$@"' "$FILE")
    fi
    printf 'export %s=%q\n' "$NAME" "${!NAME}" >> "$FILE"
done
read -ra TABLE_NAMES <<< "$TABLES"
ray job submit --address "$JOBS" --no-wait -- "${COMMAND[@]}" \
    "$VENV/bin/harness" run "${TABLE_NAMES[@]}" --scale paper --seeds "$SEEDS" --address auto \
    --device cuda --gpus-per-trial "$GPUS_PER_TRIAL" --cpus-per-trial "$CPUS_PER_TRIAL" \
    --workers "$WORKERS" --results "$RESULTS" --data "$DATA" --weights "$WEIGHTS"
