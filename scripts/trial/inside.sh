# Sourced by what runs inside a throwaway root: how a trial says what holds.
set -uo pipefail
unit=lmp-billing-sync.service
config=/etc/lmp-billing-sync/config.toml
failures=0

# A check: what should be so, then the command that succeeds if it is.
holds() {
    local what=$1
    shift
    if "$@"; then
        echo "ok    $what"
    else
        echo "FAIL  $what"
        failures=$((failures + 1))
        { systemctl status --no-pager --full $unit; journalctl --unit $unit --no-pager --lines 30; } | sed 's/^/      | /'
    fi
}

# Waits until a condition holds, for at most five minutes.
until_true() {
    local deadline=$((SECONDS + 300))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.3
    done
}

property() { systemctl show --property "$1" --value $unit; }
is() { [ "$(property "$1")" = "$2" ]; }
said() { journalctl --unit $unit --no-pager --output cat | grep -qF -- "$1"; }
restarted() { [ "$(property NRestarts)" -gt "$1" ] && is ActiveState active; }
ask() {
    exec 3<>/dev/tcp/127.0.0.1/9464 || return 1
    printf 'GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$1" >&3
    cat <&3
    exec 3>&-
}
ready() { ask /readyz | grep -q '"ready":true'; }
reports() {
    local home=/var/lib/lmp-billing-sync/postgres
    PGPASSWORD=$(cat $home/password) /usr/bin/psql -qtA -h 127.0.0.1 -p "$(cat $home/port)" -U lmp_billing lmp_billing \
        -c 'select count(*) from lmp_billing.reports'
}
no_server_left() { ! cat /proc/[0-9]*/comm | grep -qx postgres; }
