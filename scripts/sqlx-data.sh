#!/bin/sh
# The committed query data in .sqlx let the program compile without a database. This makes them anew
# from the migrations, on a PostgreSQL of its own:
#
#   scripts/sqlx-data.sh           writes .sqlx
#   scripts/sqlx-data.sh --check   fails if .sqlx is not what it would write
set -eu
cd "$(dirname "$0")/.."
check=${1:-}

bin=$(ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin 2>/dev/null | sort -V | tail -n 1)
if command -v pg_config >/dev/null && [ -x "$(pg_config --bindir)/initdb" ]; then bin=$(pg_config --bindir); fi
[ -x "$bin/initdb" ] || { echo "no PostgreSQL server binaries; scripts/ensure-postgres.sh installs them" >&2; exit 1; }

dir=$(mktemp -d)
chmod 755 "$dir"
as_server() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    # The server refuses to run as root.
    chown postgres "$dir"
    as_server() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
fi
trap 'as_server "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT

(cd "$dir" && as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null)
# A Unix socket only, so that no port is needed.
(cd "$dir" && as_server "$bin/pg_ctl" -w -D "$dir/data" -l "$dir/log" \
    -o "-c listen_addresses= -c unix_socket_directories=$dir -c fsync=off" start >/dev/null)
sql() { "$bin/psql" -q -v ON_ERROR_STOP=1 -h "$dir" -U postgres "$@"; }

# As the migrator does it: the schema and its ledger, then the migrations in their order.
sql -c 'create schema lmp_billing' -c 'create table lmp_billing._sqlx_migrations (
    version bigint primary key, description text not null, installed_on timestamptz not null default now(),
    success boolean not null, checksum bytea not null, execution_time bigint not null)'
for migration in migrations/*.sql; do sql -f "$migration"; done

made=$dir/sqlx
mkdir "$made"
touch src/lib.rs # the compiler does not know that the queries depend on the database
socket=$(printf %s "$dir" | sed 's,/,%2F,g')
DATABASE_URL="postgres://postgres@$socket/postgres" SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$made" \
    cargo check --quiet --locked --lib

if [ "$check" = --check ]; then
    diff -rq .sqlx "$made" || { echo ".sqlx is out of date; run scripts/sqlx-data.sh" >&2; exit 1; }
    echo "the committed query data are up to date ($(ls .sqlx | wc -l) queries)"
else
    rm -rf .sqlx
    mkdir .sqlx
    cp "$made"/*.json .sqlx/
    echo "wrote $(ls .sqlx | wc -l) queries to .sqlx"
fi
