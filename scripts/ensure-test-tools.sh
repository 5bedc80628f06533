#!/bin/sh
# Makes sure that what only the tests need is on this machine: pgbouncer, which one of them puts between
# the program and PostgreSQL. Says nothing when it is there; installs it when it may; else says the one
# line to type and fails.
set -eu

# The places the test looks in, see tests/it/faults/database/pooler.rs.
for bin in /usr/sbin /usr/bin /usr/local/bin; do
    if [ -x "$bin/pgbouncer" ]; then
        exit 0
    fi
done

say_and_fail() {
    echo "pgbouncer is not installed, and the tests need it. Please type:" >&2
    echo "    $1" >&2
    exit 1
}

if command -v apt-get >/dev/null; then
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        say_and_fail "sudo apt-get install --yes pgbouncer"
    fi
    echo "Installing pgbouncer for the tests; this is needed once ..." >&2
    # The package starts a service where there is a service manager; nobody asked for that one.
    install() {
        $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install --yes --no-install-recommends pgbouncer
    }
    log=$(mktemp)
    # A fresh machine's package lists may be missing or old: refresh them and try once more.
    if ! { install || { $as_root apt-get update && install; }; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "It could not be installed; the whole of what apt-get said is in $log" >&2
        exit 1
    fi
    rm "$log"
elif command -v dnf >/dev/null; then
    say_and_fail "sudo dnf install --assumeyes pgbouncer"
elif command -v brew >/dev/null; then
    say_and_fail "brew install pgbouncer"
else
    say_and_fail "(your system's command that installs pgbouncer)"
fi
