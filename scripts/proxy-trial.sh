#!/usr/bin/env bash
# Follows docs/OPERATIONS.md, "A proxy that inspects TLS", with a real one: mitmproxy, installed from PyPI into target/.
# It opens what goes to https://cspi.trendmicro.com and hands it to a simulated LMP, under certificates of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

MITMPROXY=11.0.2
VENV=$PWD/target/mitmproxy
TOKEN=00000000-0000-0000-0000-000000000007

[ -x "$VENV/bin/mitmdump" ] || { python3 -m venv "$VENV" && "$VENV/bin/pip" install --quiet "mitmproxy==$MITMPROXY"; }
cargo build --locked --quiet
PROGRAM=$PWD/target/debug/lmp-billing-sync

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
chmod 755 "$folder" # the private PostgreSQL has a user of its own
cd "$folder"

# Starts something that serves, and waits until it says so.
start() {
    local says=$1
    shift
    "$@" >served.log 2>&1 &
    for _ in $(seq 300); do
        # What a program says may come late; where it listens is what counts.
        if (exec 3<>"/dev/tcp/127.0.0.1/$says") 2>/dev/null; then return; fi
        sleep 0.1
    done
    cat served.log >&2
    return 1
}

expect() {
    local code=$1 words=$2 got=0
    shift 2
    "$@" >said 2>&1 || got=$?
    if [ "$got" != "$code" ] || ! grep -qF -- "$words" said; then
        printf 'FAIL %s: exit %s, wanted %s and "%s"\n' "$*" "$got" "$code" "$words" >&2
        cat said >&2
        exit 1
    fi
    printf 'ok   %s: %s\n' "${*##*/}" "$words"
}

start 8980 "$PROGRAM" simulate --partners 3 --access-token "$TOKEN" --secret-key key-of-the-trial
start 3128 "$VENV/bin/mitmdump" --set confdir="$folder/ca" --set connection_strategy=lazy --set upstream_cert=false \
    --listen-host 127.0.0.1 --listen-port 3128 --proxyauth finance:word \
    --map-remote '|https://cspi.trendmicro.com/|http://127.0.0.1:8980/'

mkdir -m 700 secrets
umask 077
echo http://finance:word@127.0.0.1:3128 >secrets/proxy.url
echo "$TOKEN" >secrets/token
echo key-of-the-trial >secrets/key
settings() {
    cat <<EOF
data_dir = "data"
[database]
embedded = true
[sync]
proxy_file = "secrets/proxy.url"
max_attempts = 1
$1
[[accounts]]
name = "emea"
base_url = "https://cspi.trendmicro.com"
access_token_file = "secrets/token"
secret_key_file = "secrets/key"
requests_per_second = 100
EOF
}

settings "" >config.toml
expect 1 "the certificate of LMP's server is not trusted" "$PROGRAM" check
cp ca/mitmproxy-ca-cert.pem corporate-ca.pem
settings 'ca_file = "corporate-ca.pem"' >config.toml
expect 0 "or corporate-ca.pem" "$PROGRAM" check
expect 0 "25 of 25 polls" "$PROGRAM" sync
echo http://finance:wrong@127.0.0.1:3128 >secrets/proxy.url
expect 1 "proxy authorization required" "$PROGRAM" check
echo http://127.0.0.1:1 >secrets/proxy.url
expect 1 "no connection to LMP" "$PROGRAM" check
