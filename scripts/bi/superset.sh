#!/usr/bin/env bash
# Sets Apache Superset up from nothing, with the reader as its database, makes a dataset and a chart of cycle_progress over
# its REST interface and prints what the chart would show: superset.sh ENVIRONMENT FOLDER (and PG… variables).
set -euo pipefail
environment=$1 dir=$2
here=$(cd "$(dirname "$0")" && pwd)
home=$dir/superset
mkdir -p "$home"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

cat >"$home/superset_config.py" <<PYTHON
SECRET_KEY = "only for this trial, which lasts a minute"
SQLALCHEMY_DATABASE_URI = "sqlite:///$home/superset.db"
# For the scripts of a trial on loopback only.
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
PYTHON
export SUPERSET_HOME=$home SUPERSET_CONFIG_PATH=$home/superset_config.py FLASK_APP=superset
superset() { "$environment/bin/superset" "$@" >>"$home/log" 2>&1 || { tail -n 20 "$home/log" >&2; return 1; }; }
superset db upgrade
superset fab create-admin --username admin --firstname A --lastname B --email admin@example.org --password trial
superset init
"$environment/bin/superset" run --host 127.0.0.1 --port "$port" >>"$home/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || { tail -n 20 "$home/log" >&2; exit 1; }
    sleep 0.5
done
"$environment/bin/python" "$here/superset.py" "http://127.0.0.1:$port" || { tail -n 20 "$home/log" >&2; exit 1; }
