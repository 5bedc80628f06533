# shellcheck shell=bash disable=SC2012,SC2016,SC2154
# To be sourced by scripts/bi-trial.sh: a database as an analyst meets it. A private PostgreSQL, reports of a simulated
# LMP read on three days, and the login of docs/ANALYSTS.md, made by the statements that stand there.
#
# Wants $dir (a folder of the caller's, which goes away at the end). Gives PGHOST, PGPORT, PGDATABASE, PGUSER and
# PGPASSWORD of the reader to all that is started later, and admin() for the administrator's psql.

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -x "$bin/initdb" ] || { echo "no PostgreSQL server binaries; scripts/ensure-postgres.sh installs them" >&2; exit 1; }
program=${LMP_BILLING_SYNC:-target/debug/lmp-billing-sync}
[ -x "$program" ] || cargo build --locked
program=$(realpath "$program")

as_server() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    # The server refuses to run as root.
    as_server() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
fi

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Waits until somebody listens on a port of this machine, as long as the process that is to do so lives.
listening() { # PID PORT
    until (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; do
        kill -0 "$1" 2>/dev/null || { echo "what should listen on port $2 has ended" >&2; return 1; }
        sleep 0.2
    done
}

world_end() {
    [ -z "${simulator:-}" ] || kill "$simulator" 2>/dev/null || true
    as_server "$bin/pg_ctl" -D "$dir/server/data" -m immediate stop >/dev/null 2>&1 || true
}

admin() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$dir/server" -p "$PGPORT" -U postgres "$@"; }

world_begin() {
    chmod 755 "$dir"
    mkdir "$dir/server"
    [ "$(id -u)" != 0 ] || chown postgres "$dir/server"
    export PGHOST=127.0.0.1 PGPORT PGDATABASE=finance PGUSER=ana PGPASSWORD
    PGPORT=$(free_port)
    # Passwords are asked for over TCP, as a server of the house would.
    (cd "$dir/server" && as_server "$bin/initdb" -D data -U postgres --auth-local=trust --auth-host=scram-sha-256 \
        -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    as_server "$bin/pg_ctl" -w -D data -l log -o "-p $PGPORT -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories=$dir/server -c fsync=off" start >/dev/null)
    admin -d postgres -c "create role lmp_sync login createrole password 'of the program'" \
        -c 'create database finance owner lmp_sync'

    local port day
    port=$(free_port)
    cat >"$dir/config.toml" <<TOML
[database]
url = "postgres://lmp_sync:of%20the%20program@127.0.0.1:$PGPORT/finance?sslmode=disable"
[[accounts]]
name = "emea"
base_url = "http://127.0.0.1:$port"
access_token = "5eed5eed-5eed-4eed-8eed-5eed5eed5eed"
secret_key = "simulated-key-that-protects-nothing"
requests_per_second = 100
TOML
    # Time stands still on each of the days, so that every run of this sees the same changes.
    for day in 24 12 1; do
        "$program" --config "$dir/config.toml" simulate --listen "127.0.0.1:$port" --speed 0 \
            --start "$(date -u -d "$day days ago" +%F)" >>"$dir/simulator.log" 2>&1 &
        simulator=$!
        listening "$simulator" "$port"
        "$program" --config "$dir/config.toml" sync >>"$dir/sync.log" 2>&1 || { tail -n 20 "$dir/sync.log" >&2; exit 1; }
        kill "$simulator"
        wait "$simulator" || true
        simulator=
    done

    # The statements of "A login for a person or a tool".
    sed -n '/^```sql reader$/,/^```$/p' docs/ANALYSTS.md | sed '1d;$d' >"$dir/reader.sql"
    admin -d finance -f "$dir/reader.sql"
    PGPASSWORD=$(sed -n "s/^create role ana login password '\([^']*\)'.*/\1/p" "$dir/reader.sql")
}
