#!/usr/bin/env bash
# A search on Slurm: a Ray cluster on the nodes of this allocation, gone when the search has ended.
#
#   sbatch --nodes=4 cluster/manifests/slurm.sh run achievable-loss --out /shared/runs/first
#   sbatch --nodes=4 cluster/manifests/slurm.sh resume /shared/runs/first
#   bash cluster/manifests/slurm.sh --dry-run run quick --out runs/quick   # only shows the commands
#
# The arguments are a command of dottune; it gets the cluster's address. The environment in which
# sbatch is called must have dottune (an activated .venv on a file system that all nodes share);
# --out must lie on one too, or in an object store. A search that scancel or the time limit has
# interrupted can be resumed.
#SBATCH --job-name=dottune
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@60
set -euo pipefail

run() { "$@"; }
become() { exec "$@"; } # in the background: a signal to its process is then one to the command
if [[ "${1:-}" == "--dry-run" ]]; then
  shift
  run() { printf '%q ' "$@"; printf '\n'; }
  become() { run "$@"; }
fi

# Return once somebody listens at HOST PORT; fail after SECONDS, or when the process PID has ended.
wait_for_port() {
  local limit=$((SECONDS + $3))
  until (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; do
    if ! kill -0 "$4" 2>/dev/null; then
      echo "error: the head node ended before it listened at $1:$2; what ray start says stands above" >&2
      return 1
    fi
    if ((SECONDS >= limit)); then
      echo "error: the head node did not listen at $1:$2 within $3 s; set HEAD_SECONDS to wait longer" >&2
      return 1
    fi
    sleep 0.2
  done
}

head="$(hostname)"
# Ports that nobody uses now: two jobs on one node must not meet.
read -r port dashboard_port client_port < <(python -c '
import socket
listeners = [socket.create_server(("", 0)) for _ in range(3)]
print(*(listener.getsockname()[1] for listener in listeners))')
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
run "${here[@]}" ray start --head --block --port="$port" --num-cpus="$cpus" \
  --dashboard-port="$dashboard_port" --ray-client-server-port="$client_port" \
  --dashboard-agent-listen-port=0 &
head_process=$!
if ((nodes > 1)); then
  others=$((nodes - 1))
  # Ray waits for the head to come up.
  run srun --overlap --nodes="$others" --ntasks="$others" --exclude="$head" \
    ray start --block --address="$head:$port" --num-cpus="$cpus" --dashboard-agent-listen-port=0 &
fi
run wait_for_port "$head" "$port" "${HEAD_SECONDS:-300}" "$head_process"

# In the background, so that this shell hears Slurm's signal and hands it on.
become dottune "$@" --address "$head:$port" &
search=$!
trap 'kill -TERM "$search" 2>/dev/null || true' INT TERM
code=0
wait "$search" || code=$?
if ((code > 128)) && kill -0 "$search" 2>/dev/null; then
  wait "$search" || code=$?
fi
exit "$code"
