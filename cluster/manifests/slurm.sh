#!/usr/bin/env bash
# A search on Slurm: a Ray cluster on the nodes of this allocation, gone when the search has ended.
#
#   sbatch --nodes=4 cluster/manifests/slurm.sh run achievable-loss --out /shared/runs/first
#   sbatch --nodes=4 cluster/manifests/slurm.sh resume /shared/runs/first
#   bash cluster/manifests/slurm.sh --dry-run run quick --out runs/quick   # only shows the commands
#
# The arguments are a command of dottune; it gets the cluster's address. The environment in which sbatch is called must have dottune
# (an activated .venv on a file system that all nodes share); --out must lie on one too, or in an
# object store. A search that scancel or the time limit has interrupted can be resumed.
#SBATCH --job-name=dottune
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@60
set -euo pipefail

run() { "$@"; }
if [[ "${1:-}" == "--dry-run" ]]; then
  shift
  run() { printf '%q ' "$@"; printf '\n'; }
fi

head="$(hostname)"
port=6379
nodes="${SLURM_JOB_NUM_NODES:-2}"
cpus="${SLURM_CPUS_ON_NODE:-1}"

# Every node reads the token from a file that only its owner can read; it is on no command line.
umask 077
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH="${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}"
if [[ ! -s "$RAY_AUTH_TOKEN_PATH" ]]; then
  run mkdir -p "$(dirname "$RAY_AUTH_TOKEN_PATH")"
  run python -c 'import secrets, sys; open(sys.argv[1], "w").write(secrets.token_hex(32))' \
    "$RAY_AUTH_TOKEN_PATH"
fi

here=(srun --overlap --nodes=1 --ntasks=1 --nodelist="$head")
run "${here[@]}" ray start --head --block --port="$port" --num-cpus="$cpus" &
if ((nodes > 1)); then
  others=$((nodes - 1))
  # Ray waits for the head to come up.
  run srun --overlap --nodes="$others" --ntasks="$others" --exclude="$head" \
    ray start --block --address="$head:$port" --num-cpus="$cpus" &
fi

# In the background, so that this shell hears Slurm's signal and hands it on.
run dottune "$@" --address "$head:$port" &
search=$!
trap 'kill -TERM "$search" 2>/dev/null || true' INT TERM
code=0
wait "$search" || code=$?
if ((code > 128)) && kill -0 "$search" 2>/dev/null; then
  wait "$search" || code=$?
fi
exit "$code"
