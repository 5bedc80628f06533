#!/bin/bash
# Runs inside the throwaway root, as trial.service: an administrator's way with the package, from installing it to purging
# it, typed from docs/OPERATIONS.md. See scripts/package-trial.sh.
. /trial/inside.sh
. /trial/typing.sh

export DEBIAN_FRONTEND=readline HOME=/root
etc=/etc/lmp-billing-sync
state=/var/lib/private/lmp-billing-sync
umask 022
# A part of the trial. What follows something that went wrong would say nothing new, and wait for long.
part() {
    [ $failures = 0 ] || { echo "$failures failure(s)"; exit 1; }
    echo "== $1"
}
gone() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
there() { ! gone "$1"; }
mode_is() { [ "$(stat -c '%a %U' "$1")" = "$2" ]; }
# A minimal Debian has no other command for it.
no_daemon_left() { ! cat /proc/[0-9]*/comm | grep -qx lmp-billing-syn; }
rested() { [ "$(($(cut -d. -f1 /proc/uptime) * 1000000))" -gt $(($(property InactiveEnterTimestampMonotonic) + 15000000)) ]; }
# What check says: its exit status, and words that have to be in it.
check_says() {
    local status=0
    lmp-billing-sync check >/trial/said 2>&1 || status=$?
    sed 's/^/      | /' /trial/said
    [ $status = "$1" ] || return 1
    shift
    local word
    for word in "$@"; do told "$word" || return 1; done
}
# Whether the journal has said something since a moment.
said_since() { journalctl --unit $unit --no-pager --output cat --since "$1" | grep -qE -- "$2"; }
now() { date '+%F %T'; }
finance() { psql -qtA "$ADMIN_URL" -c "$1"; }
simulate() {
    mkdir -p /run/systemd/system/lmp-simulator.service.d
    printf '[Service]\nExecStart=\nExecStart=/trial/simulator simulate %s\n' "$*" \
        >/run/systemd/system/lmp-simulator.service.d/how.conf
    systemctl daemon-reload
    systemctl restart lmp-simulator
}

part "install"
cd /trial/old || exit 1
holds "it installs, as typed" typed Install 1
holds "it says what comes next" told "systemctl enable --now lmp-billing-sync"
holds "nothing is started" is ActiveState inactive
holds "nor enabled" is UnitFileState disabled
holds "the program runs" lmp-billing-sync --version
files=$(dpkg --listfiles lmp-billing-sync)
for file in man1/lmp-billing-sync.1.gz man1/lmp-billing-sync-check.1.gz docs/OPERATIONS.md dashboards/alerts.yml \
    bash-completion/completions/lmp-billing-sync vendor-completions/_lmp-billing-sync \
    vendor_completions.d/lmp-billing-sync.fish lmp-billing-sync.cdx.json third-party-licenses.txt copyright; do
    holds "it brings $file" grep -qF "/$file" <<<"$files"
done
holds "one unit, and it is the repository's" test "$(grep -c '\.service$' <<<"$files")" = 1
holds "the settings are a conffile" sh -c "dpkg-query -W -f='\${Conffiles}' lmp-billing-sync | grep -q $etc/config.toml"
holds "secrets have a folder for root alone" mode_is $etc/secrets "700 root"

part "started without being configured"
systemctl start $unit
holds "it fails with status 78" is ExecMainStatus 78
holds "it says what is missing" said access_token_file
until_true rested
holds "and is not tried again" is ActiveState failed
systemctl reset-failed $unit

part "configure, check, start, see"
simulate
hand config.toml 'sed -i -e "s|^url = .*|embedded = true|" -e "s|^base_url = .*|base_url = \"http://127.0.0.1:8980\"|" "$1"'
hand emea.token 'echo 5eed5eed-5eed-4eed-8eed-5eed5eed5eed >"$1"'
hand emea.secret 'echo simulated-key-that-protects-nothing >"$1"'
holds "the settings are edited" typed Install 2
holds "the secrets are put where they belong" typed Install 3
holds "only root may read them" mode_is $etc/secrets/emea.secret "600 root"
holds "check, start and see, as typed" typed "Check, start, see" 1
holds "it is active" is ActiveState active
holds "and enabled" is UnitFileState enabled
holds "the first sync ends well" until_true said "reconcile succeeded"
holds "it is ready" until_true ready
count=$(reports)
holds "the data are there: $count reports" test "${count:-0}" -gt 100
holds "the private database is the service's" mode_is $state/postgres/data "700 lmp-billing-sync"
holds "psql into it, as typed" typed "Check, start, see" 2

part "a wrong setting"
cp $config /trial/good.toml
sed -i 's/^max_attempts/max_atempts/' $config
holds "check names it" check_says 78 max_atempts max_attempts
systemctl restart $unit
holds "the service fails with status 78" until_true is ExecMainStatus 78
holds "and names it too" said max_atempts
cp /trial/good.toml $config
systemctl restart $unit
holds "mended and restarted, it is well" until_true ready

part "settings that root alone may read"
chmod 600 $config
holds "check tells, and how to mend it" check_says 0 "may be read by root alone" "chmod 644"
chmod 644 $config

part "a secret that root alone may read"
cp $config /trial/good.toml
install -m 600 $etc/secrets/emea.secret $etc/beside.secret
sed -i 's|^secret_key_file = .*|secret_key_file = "beside.secret"|' $config
holds "check tells, and where to put it" check_says 0 "beside.secret (accounts.emea.secret_key_file)" "put it into $etc/secrets"
cp /trial/good.toml $config
rm $etc/beside.secret

part "a wrong key"
since=$(now)
echo simulated-key-that-was-mistyped >$etc/secrets/emea.secret
holds "check says which to look at" check_says 1 secret_key "account emea"
systemctl restart $unit
holds "a sync fails" sh -c "! lmp-billing-sync sync --cycle $(date +%Y-%m)"
echo simulated-key-that-protects-nothing >$etc/secrets/emea.secret
systemctl restart $unit
holds "mended and restarted, check finds nothing wrong" until_true check_says 0

part "LMP out of reach"
systemctl stop lmp-simulator
holds "check says so" check_says 1 "no connection to LMP"
simulate
holds "it mends itself" until_true check_says 0

part "rotate the key"
simulate --secret-key a-key-made-anew-in-the-console
holds "the old one is refused" check_says 1 secret_key
hand emea.secret 'echo a-key-made-anew-in-the-console >"$1"'
holds "rotated, as typed" typed "Rotating credentials" 1
holds "the daemon uses it too" until_true ready

part "add an account, and remove it"
cp $config /trial/one.toml
hand config.toml 'sed -n "/^name = \"emea\"/,/^secret_key_file/p" "$1" | sed "s/emea/apac/" >/tmp/block; { echo; echo "[[accounts]]"; cat /tmp/block; } >>"$1"'
hand apac.token 'echo 5eed5eed-5eed-4eed-8eed-5eed5eed5eed >"$1"'
hand apac.secret 'echo a-key-made-anew-in-the-console >"$1"'
holds "added, as typed" typed "Adding and removing an account" 1
apac() { private "select count(*) from lmp_billing.reports where account = 'apac'"; }
private() {
    local d=/var/lib/lmp-billing-sync/postgres
    PGPASSWORD=$(cat $d/password) psql -qtA -h 127.0.0.1 -p "$(cat $d/port)" -U lmp_billing lmp_billing -c "$1"
}
all_read() { [ "$(apac)" = "$count" ]; }
holds "its reports are read" until_true all_read
hand config.toml 'cp /trial/one.toml "$1"'
since=$(now)
holds "removed, as typed" typed "Adding and removing an account" 2
holds "the daemon has taken the settings" until_true said_since "$since" "loaded the settings anew"
holds "its reports stay" all_read
block "Adding and removing an account" 1 sql >/trial/delete.sql
holds "the statements that delete them work" private "$(cat /trial/delete.sql)"
holds "its reports are gone" test "$(apac)" = 0
holds "the others are not" test "$(reports)" = "$count"

part "back up and restore the private server"
cd /root || exit 1
holds "backed up, as typed" typed "Backup and restore" 3
holds "and well after that" until_true ready
holds "everything goes wrong" private 'drop schema lmp_billing cascade'
holds "restored, as typed" typed "Backup and restore" 4
holds "and well after that" until_true ready
holds "no report is lost" test "$(reports)" = "$count"

part "move to an own server"
rm -rf /var/lib/postgresql/15 && pg_createcluster 15 main >/dev/null
systemctl start postgresql@15-main
su - postgres -c 'createuser --superuser root'
createdb finance
export ADMIN_URL="postgresql:///finance?host=/run/postgresql"
block "A DBA who grants little" 1 sql | sed "s/'a long one'/'granted-little'/" >/trial/dba.sql
holds "the DBA's statements work" psql -q -v ON_ERROR_STOP=1 "$ADMIN_URL" -f /trial/dba.sql
hand database.url 'echo "postgres://lmp_sync:granted-little@127.0.0.1/finance" >"$1"'
hand config.toml 'sed -i "s|^embedded = true|url_file = \"secrets/database.url\"|" "$1"'
holds "moved, as typed" typed "From the private server to your own" 1
holds "it is well" until_true ready
holds "the reports are in the own server" test "$(finance 'select count(*) from lmp_billing.reports')" = "$count"
holds "with their history" test "$(finance 'select count(*) from lmp_billing.report_history')" -ge "$count"
holds "they belong to the daemon's user" \
    test "$(finance "select tableowner from pg_tables where schemaname = 'lmp_billing' and tablename = 'reports'")" = lmp_sync
holds "the private server is not running" gone $state/postgres/data/postmaster.pid

part "back up and restore the own server"
URL=$(cat $etc/secrets/database.url)
export URL
holds "backed up, as typed" typed "Backup and restore" 1
systemctl stop $unit
finance 'drop schema lmp_billing cascade'
holds "restored, as typed" typed "Backup and restore" 2
holds "no report is lost" test "$(finance 'select count(*) from lmp_billing.reports')" = "$count"
systemctl start $unit
holds "and well after that" until_true ready

part "the database is down"
pid=$(property MainPID)
systemctl stop postgresql@15-main
holds "check says which is away" check_says 1 finance 127.0.0.1
not_ready() { ask /readyz | grep -q '"ready":false'; }
holds "/readyz says so too" until_true not_ready
systemctl start postgresql@15-main
holds "it is well again" until_true ready
holds "without having been restarted" is MainPID "$pid"

part "upgrade and downgrade"
sed -i 's/^requests_per_second.*/requests_per_second = 7.0/' $config
sum=$(sha256sum $config)
version() { dpkg-query -W -f='${Version}' lmp-billing-sync; }
old=$(version)
# Not the first process any more.
moved_on() { ! is MainPID "$pid" && is ActiveState active; }
cd /trial/new || exit 1
holds "upgraded, as typed" typed "Upgrade and downgrade" 1
holds "it is the new version" test "$(version)" = "$old.next"
holds "the settings are kept" test "$(sha256sum $config)" = "$sum"
holds "the package's own are beside them" there $config.dpkg-dist
holds "so are the secrets" there $etc/secrets/emea.secret
holds "the running service is restarted" until_true moved_on
holds "and is well" until_true ready
holds "it is still enabled" is UnitFileState enabled
pid=$(property MainPID)
cd /trial/old || exit 1
holds "downgraded, as typed" typed "Upgrade and downgrade" 2
holds "it is the old version" test "$(version)" = "$old"
holds "the settings are kept" test "$(sha256sum $config)" = "$sum"
holds "the service is restarted" until_true moved_on
holds "and is well" until_true ready
systemctl stop $unit
holds "upgraded while it is stopped" sh -c 'cd /trial/new && yes "" | head -c 65536 | apt-get install ./*.deb >/trial/said 2>&1'
holds "it stays stopped" is ActiveState inactive
systemctl start $unit

part "a new version that asks where nobody answers, and is removed then"
holds "it runs" until_true ready
holds "it stops half-way" sh -c '! (cd /trial/old && apt-get install --yes --allow-downgrades ./*.deb </dev/null >/trial/said 2>&1)'
holds "at the question for the settings" told "end of file on stdin at conffile prompt"
holds "it can be removed" apt-get remove --yes lmp-billing-sync
holds "the service is stopped" no_daemon_left
holds "and installed again" sh -c 'cd /trial/new && yes "" | head -c 65536 | apt-get install ./*.deb >/trial/said 2>&1'
systemctl start $unit
holds "and is well" until_true ready

part "remove, install again, purge"
cd / || exit 1
holds "it can be removed" apt-get remove --yes lmp-billing-sync
holds "the service is stopped" is ActiveState inactive
holds "the program is gone" gone /usr/bin/lmp-billing-sync
holds "settings, secrets and data stay" test -e $config -a -e $etc/secrets/emea.secret -a -e $state/postgres/data
holds "installed again, it finds its settings" sh -c 'cd /trial/new && yes "" | head -c 65536 | apt-get install ./*.deb >/trial/said 2>&1'
systemctl start $unit
holds "and is well" until_true ready
apt-get purge --yes lmp-billing-sync >/trial/said 2>&1
holds "it can be purged" gone /usr/share/bash-completion/completions/lmp-billing-sync
sed 's/^/      | /' /trial/said
holds "it says that the private database stays, and where" told "rm -rf $state"
holds "that one is there" there $state/postgres/data
holds "settings and secrets are gone" gone $etc
holds "the service is stopped" no_daemon_left
holds "nothing wants it any more" gone /etc/systemd/system/multi-user.target.wants/$unit
sh -c "$(sed -n 's/.*if nobody needs it: //p' /trial/said)"
holds "what it says to type removes the rest" gone $state
holds "installed and purged again" sh -c 'cd /trial/new && apt-get install ./*.deb && apt-get purge --yes lmp-billing-sync' >/trial/said 2>&1
left=$(find / -xdev -name '*lmp-billing-sync*' -not -path '/trial/*' -not -path '/root/*' -not -path '/proc/*' \
    -not -path '/var/log/*' -not -path '/tmp/*' -not -path '/var/tmp/*' -not -path '/run/*')
holds "nothing of it is left: $left" test -z "$left"

echo "$failures failure(s)"
[ $failures = 0 ]
