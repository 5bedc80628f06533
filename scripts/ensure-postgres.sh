#!/bin/sh
# Makes sure that PostgreSQL's server binaries are on this machine: the demo and the tests start a
# private server from them. Says nothing when they are there; installs them when it may; else says
# the one line to type and fails.
set -eu

# The places the program itself looks in, see src/embedded/find.rs.
for bin in $(echo "$PATH" | tr ':' ' ') "$(pg_config --bindir 2>/dev/null || true)" \
    /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
    /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
    /home/linuxbrew/.linuxbrew/opt/postgresql*/bin \
    /Applications/Postgres.app/Contents/Versions/*/bin; do
    if [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ]; then
        exit 0
    fi
done

say_and_fail() {
    echo "PostgreSQL's server is not installed, and the demo and the tests need it. Please type:" >&2
    echo "    $1" >&2
    exit 1
}

if command -v apt-get >/dev/null; then
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        say_and_fail "sudo apt-get install --yes postgresql"
    fi
    echo "Installing PostgreSQL's server; this is needed once and takes a minute ..." >&2
    # Debian starts a server for the whole machine with the package; nobody asked for that one. On a
    # machine that already has this file, its owner has decided.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        $as_root mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    # --force-confold: keep that file, and ask nothing.
    install() {
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
            -o Dpkg::Options::=--force-confold postgresql
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
    say_and_fail "sudo dnf install --assumeyes postgresql-server"
elif command -v brew >/dev/null; then
    say_and_fail "brew install postgresql@17"
else
    say_and_fail "(your system's command that installs PostgreSQL's server)"
fi
