#!/usr/bin/env bash
# Tries the tables out with the clients that docs/bi/ is about, logged in as the reader, and fails if one of them sees
# something else than psql does. Not part of CI: it installs Debian packages and Python environments.
#
#   scripts/bi-trial.sh                       psql, JDBC, ODBC, Python
#   scripts/bi-trial.sh --superset            and Apache Superset (installs 800 MB)
#   scripts/bi-trial.sh --libreoffice         and LibreOffice with an exported CSV (installs 500 MB)
#
# Python environments are kept in target/bi-trial ($BI_TRIAL_TOOLS); the database goes away at the end. Takes the built
# program ($LMP_BILLING_SYNC, else target/debug/lmp-billing-sync, built if it is missing).
set -euo pipefail
cd "$(dirname "$0")/.."
superset=false libreoffice=false
for option; do
    case $option in
        --superset) superset=true ;;
        --libreoffice) libreoffice=true ;;
        *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
tools=${BI_TRIAL_TOOLS:-target/bi-trial}
mkdir -p "$tools"
tools=$(realpath "$tools")

packages=(default-jdk-headless libpostgresql-jdbc-java odbc-postgresql unixodbc python3-venv)
! $libreoffice || packages+=(libreoffice-calc-nogui)
# What is there already in another make is not installed again.
present() {
    case $1 in
        default-jdk-headless) command -v javac ;;
        python3-venv) python3 -c 'import ensurepip, venv' ;;
        *) dpkg-query --show --showformat='${db:Status-Abbrev}' "$1" | grep -q '^ii' ;;
    esac >/dev/null 2>&1
}
missing=()
for package in "${packages[@]}"; do present "$package" || missing+=("$package"); done
if [ ${#missing[@]} -gt 0 ]; then
    install=(apt-get install --yes --quiet --no-install-recommends "${missing[@]}")
    if [ "$(id -u)" != 0 ]; then echo "please type: sudo ${install[*]}" >&2; exit 1; fi
    DEBIAN_FRONTEND=noninteractive "${install[@]}" >"$tools/apt.log" 2>&1 || { tail "$tools/apt.log" >&2; exit 1; }
fi
environment() { # NAME REQUIREMENT…
    local name=$1
    shift
    [ -f "$tools/$name/complete" ] || {
        python3 -m venv "$tools/$name"
        "$tools/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
        touch "$tools/$name/complete"
    }
}

dir=$(mktemp -d)
# shellcheck source=scripts/bi/world.sh
. scripts/bi/world.sh
trap 'world_end; rm -rf "$dir"' EXIT
world_begin

# A moment in the middle of the history, exact to the microsecond in every client.
moment=$(psql -X -q -A -t -c "select to_char(max(started_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"') from sync_runs")
psql -X -q -A -t -v ON_ERROR_STOP=1 -v moment="$moment" -f scripts/bi/facts.sql >"$dir/psql" 2>"$dir/errors" ||
    { cat "$dir/errors" >&2; exit 1; }
# What the comparison rests on has to be there.
grep -qx 'update refused 42501' "$dir/psql"
grep -q '^name .*é' "$dir/psql"
[ "$(grep -c '^as of ' "$dir/psql")" -ge 3 ]
if grep '^rows .* 0$' "$dir/psql" >&2; then exit 1; fi
echo "psql: $(wc -l <"$dir/psql") facts; $(psql --version)"

failed=0
same() { # CLIENT FILE
    if diff "${3:-$dir/psql}" "$2" >"$dir/difference"; then
        echo "$1: the same"
    else
        echo "$1: DIFFERENT (< psql, > $1)" >&2
        cat "$dir/difference" >&2
        failed=1
    fi
}

password_in_url=$(python3 -c 'import os, urllib.parse; print(urllib.parse.quote(os.environ["PGPASSWORD"]))')
java -cp /usr/share/java/postgresql.jar scripts/bi/Facts.java \
    "jdbc:postgresql://$PGHOST:$PGPORT/$PGDATABASE?user=$PGUSER&password=$password_in_url" "$moment" >"$dir/jdbc"
same JDBC "$dir/jdbc"

export ODBCINI=$dir/odbc.ini
cat >"$ODBCINI" <<INI
[finance]
Driver = PostgreSQL Unicode
Servername = $PGHOST
Port = $PGPORT
Database = $PGDATABASE
SSLmode = disable
INI
scripts/bi/odbc.sh "$moment" >"$dir/odbc"
# Its driver gives no comments.
sed -e '/^comment /d' -e 's/^\(column [^ ]* [^ ]*\) .*/\1/' "$dir/psql" >"$dir/psql-uncommented"
same ODBC "$dir/odbc" "$dir/psql-uncommented"

environment py 'sqlalchemy>=2.1.0b1,<2.2' 'pandas>=3,<4' 'psycopg[binary]>=3.3,<3.4'
"$tools/py/bin/python" scripts/bi/facts.py "$moment" >"$dir/python"
same Python "$dir/python"

if $superset; then
    environment superset apache-superset==6.1.0 psycopg2-binary flask-caching==2.3.1 rich cachetools
    scripts/bi/superset.sh "$tools/superset" "$dir" >"$dir/superset.facts"
    grep '^progress ' "$dir/psql" >"$dir/psql-progress"
    same Superset "$dir/superset.facts" "$dir/psql-progress"
fi
if $libreoffice; then
    admin -d finance -c "update lmp_billing.reports set partner_company_name = '=6*7'
        where id = (select id from lmp_billing.current_reports order by id limit 1)"
    scripts/bi/libreoffice.sh "$program" "$dir" || failed=1
fi
exit "$failed"
