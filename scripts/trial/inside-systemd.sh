#!/bin/bash
# Runs inside the throwaway root, as trial.service: puts the unit through its paces. See scripts/systemd-trial.sh.
. /trial/inside.sh

systemctl start lmp-simulator

echo "== start"
holds "it starts and tells systemd that it is ready" systemctl start $unit
holds "it is active" is ActiveState active
pid=$(property MainPID)
holds "it runs as a user of its own, not as root" test "$(stat -c %u "/proc/$pid")" != 0
holds "it cannot gain privileges" grep -q 'NoNewPrivs:.*1' "/proc/$pid/status"
holds "it has no capability" grep -q 'CapBnd:.0000000000000000' "/proc/$pid/status"
holds "its status line tells what comes next" until_true sh -c "systemctl show -p StatusText $unit | grep -q 'idle until'"

echo "== sync"
holds "the first sync ends well" until_true said "reconcile succeeded"
count=$(reports)
holds "the reports are in the database: $count" test "${count:-0}" -gt 100
holds "/readyz says so" until_true ready
holds "check finds nothing wrong, beside the running daemon" lmp-billing-sync check

echo "== reload"
cp $config /good.toml
sed -i 's/^requests_per_second.*/requests_per_second = 7.0/' $config
systemctl reload $unit
holds "right settings are taken" until_true said "loaded the settings anew"
echo 'max_atempts = 3' >>$config
systemctl reload $unit
holds "wrong ones are not, and it says so" until_true said "the settings stay as they were"
holds "it names the key" said "max_atempts"
holds "it is the same process" is MainPID "$pid"
cp /good.toml $config

echo "== stop"
holds "it stops" systemctl stop $unit
holds "it ended by itself, with status 0" is ExecMainStatus 0
holds "with a result of success" is Result success
holds "its PostgreSQL is stopped too" no_server_left

echo "== crash"
systemctl start $unit
before=$(property NRestarts)
kill -9 "$(property MainPID)"
holds "after kill -9 it is started again" until_true restarted "$before"
holds "and is well" until_true ready
holds "no report is lost" test "$(reports)" = "$count"

echo "== watchdog"
mkdir -p /run/systemd/system/$unit.d
printf '[Service]\nWatchdogSec=20s\n' >/run/systemd/system/$unit.d/quick.conf
systemctl daemon-reload
systemctl restart $unit
since=$(property ActiveEnterTimestampMonotonic)
lived_on() { [ "$(($(cut -d. -f1 /proc/uptime) * 1000000))" -gt $((since + 45000000)) ]; }
until_true lived_on
holds "fed, it lives longer than the watchdog waits" is ActiveEnterTimestampMonotonic "$since"
before=$(property NRestarts)
kill -STOP "$(property MainPID)"
holds "frozen, it is bitten and started again" until_true restarted "$before"
holds "by the watchdog" said "Watchdog timeout"
holds "and is well" until_true ready

echo "== wrong settings at the start"
sed -i 's/^embedded.*/embeded = true/' $config
before=$(property NRestarts)
systemctl restart $unit
holds "it fails" until_true is ActiveState failed
holds "with status 78" is ExecMainStatus 78
holds "it says which key is wrong" said "embeded"
rested() { [ "$(($(cut -d. -f1 /proc/uptime) * 1000000))" -gt $(($(property InactiveEnterTimestampMonotonic) + 15000000)) ]; }
until_true rested
holds "it is not tried again, though RestartSec is over" is ActiveState failed
cp /good.toml $config

echo "== a database that is not there yet"
sed -i 's|^embedded.*|url = "postgres://nobody@127.0.0.1:1/nothing"|' $config
systemctl reset-failed $unit
systemctl start $unit
waits() { [ "$(property StatusText)" = "waiting for the database" ]; }
waits_for_database() { ask /readyz | grep -q "waiting for the database"; }
holds "it waits, and its status line says for what" until_true waits
alive() { ask /healthz | grep -q ok; }
holds "it tells that it is alive, and that it is not ready" alive
holds "/readyz says for what it waits" waits_for_database
holds "it can be stopped while it waits" systemctl stop $unit

echo "$failures failure(s)"
[ $failures = 0 ]
