#!/usr/bin/env bash
#SBATCH --job-name=paribus
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
#
# A study on the nodes of a SLURM job: Ray on each of them, and `paribus run` on the first. What follows the script are
# the arguments of `paribus run`; options for sbatch stand before it and go before the lines above:
#
#     sbatch --nodes=4 --cpus-per-task=16 scripts/slurm-ray.sh my-study.yaml --out runs/my-study
#
# Submit it from a folder that all nodes share, with the environment of paribus and its extra `cluster` activated.
# SIGTERM, which comes 120 s before the time limit, goes to paribus: the same command goes on. docs/cluster.md says more.
set -eu

: "${SLURM_JOB_ID:?this is a script for sbatch}"
for command in paribus ray python srun; do
    command -v "$command" >/dev/null || { echo "$command must be on the PATH: activate its environment first" >&2; exit 2; }
done
first=$SLURMD_NODENAME
others=$((SLURM_JOB_NUM_NODES - 1))
cores=${SLURM_CPUS_PER_TASK:-1}
folder=/tmp/paribus-ray-$SLURM_JOB_ID # on each node; others' jobs may be there too
port=$((20000 + SLURM_JOB_ID % 10000))

# Only this job may use its Ray: the cluster's network has other people.
RAY_AUTH_TOKEN=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
export SRUN_CPUS_PER_TASK=$cores # srun does not take this from sbatch

steps=()
# shellcheck disable=SC2317 # the trap calls it
end() {
    trap '' TERM
    for step in "${steps[@]}"; do
        kill -TERM "$step" 2>/dev/null || true # which srun passes on
    done
    for step in "${steps[@]}"; do
        for _ in {1..300}; do
            kill -0 "$step" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL "$step" 2>/dev/null || true # SLURM ends what is left with the job
    done
    srun --overlap --nodes="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 rm -rf "$folder" || true
}
trap end EXIT
trap 'exit 143' TERM

ray_node() { # SRUN_OPTION... -- RAY_OPTION...
    local where=()
    while [ "$1" != -- ]; do
        where+=("$1")
        shift
    done
    srun --overlap --ntasks-per-node=1 "${where[@]}" ray start --block --disable-usage-stats --num-cpus="$cores" \
        --object-store-memory=268435456 --min-worker-port=0 --max-worker-port=0 --include-log-monitor=false \
        --temp-dir="$folder" "${@:2}" &
    steps+=($!)
}

address=$(python -c 'import ray; print(ray.util.get_node_ip_address())'):$port
ray_node --nodes=1 --ntasks=1 --nodelist="$first" -- --head --port="$port" --include-dashboard=false
for _ in {1..300}; do
    if (exec 3<>"/dev/tcp/${address%:*}/$port") 2>/dev/null; then break; fi
    kill -0 "${steps[0]}" 2>/dev/null || { echo "Ray did not start on $first" >&2; exit 1; }
    sleep 1
done
if [ "$others" -gt 0 ]; then
    ray_node --nodes="$others" --ntasks="$others" --exclude="$first" -- --address="$address"
fi

paribus run "$@" --executor ray --address "$address" &
run=$!
again=yes
trap 'again=yes; kill -TERM "$run" 2>/dev/null || true' TERM
while [ "$again" ]; do # a signal ends the waiting, not paribus
    again=
    code=0
    wait "$run" || code=$?
done
exit "$code"
