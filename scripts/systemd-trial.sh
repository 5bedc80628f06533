#!/usr/bin/env bash
# Boots a throwaway Debian under systemd and puts the unit through its paces: start, sync with a simulated LMP and a private
# PostgreSQL, reload (right and wrong), stop, crash, watchdog, wrong settings, a missing database. Prints a line for each
# thing that has to hold, and fails if one does not.
#
#   scripts/systemd-trial.sh [BINARY]      a debug build by default
#
# Needs root. Not part of CI: it takes minutes, and cgroups that a container rarely grants.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/trial/debian-root.sh
binary=${1:-target/debug/lmp-billing-sync}
[ -x "$binary" ] || cargo build --locked

need_root_tools debootstrap systemd-nspawn
root=$(fresh_root)
trap 'discard "$root"' EXIT
install -m 755 "$binary" "$root/usr/bin/lmp-billing-sync"
install -D -m 644 systemd/lmp-billing-sync.service -t "$root/etc/systemd/system"
prepare "$root" scripts/trial/inside-systemd.sh "$binary"

install -d -m 755 "$root/etc/lmp-billing-sync"
install -d -m 700 "$root/etc/lmp-billing-sync/secrets"
cat >"$root/etc/lmp-billing-sync/config.toml" <<END
[database]
embedded = true

[[accounts]]
name = "emea"
base_url = "http://127.0.0.1:8980"
access_token_file = "secrets/emea.token"
secret_key_file = "secrets/emea.secret"
requests_per_second = 50.0
END
# What the simulator takes by default. Only root may read the files; systemd hands them over.
(
    umask 077
    echo 5eed5eed-5eed-4eed-8eed-5eed5eed5eed >"$root/etc/lmp-billing-sync/secrets/emea.token"
    echo simulated-key-that-protects-nothing >"$root/etc/lmp-billing-sync/secrets/emea.secret"
)
try "$root"
