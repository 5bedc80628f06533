#!/usr/bin/env bash
# Daemons on a real cluster (Patroni, etcd, HAProxy, three PostgreSQL servers, each in a network namespace of its
# own) whose primary is lost again and again: docs/CLUSTERS.md. Needs root and a Debian machine; a quarter of an hour.
#
#   CLUSTER_ROUNDS=4 CLUSTER_COMMITS=asynchronous scripts/cluster-trial.sh
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "network namespaces need root" >&2; exit 1; }

packages=(patroni etcd-server haproxy iptables iproute2 python3-psycopg2 python3-etcd)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    # Nobody asked for the services that come with them.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install --yes --no-install-recommends "${missing[@]}"
fi

cargo test --locked --no-run --test it
# Killed or not, the trial leaves nothing: all it starts is in its own process group or in its namespaces.
trap 'kill -- -"$trial" 2>/dev/null || true
for node in 1 2 3; do
    for pid in $(ip netns pids lmpc-node$node 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns delete lmpc-node$node 2>/dev/null || true
done
ip link delete lmpc-bridge 2>/dev/null || true' EXIT
setsid cargo test --locked --test it -- --ignored --nocapture faults::database::cluster &
trial=$!
wait "$trial"
