#!/bin/sh
# Tells each poll that changed something, as it happens: one line of JSON each, on standard output.
#
#   examples/listen.sh postgres://ana@db/finance | while read -r change; do …; done
#
# It needs nothing but psql. psql hears notifications when it has run a statement, so it is given an empty one every
# second; a program with a driver of its own waits without asking. The notification says that something has changed and
# in which month, not what: ask status_changes for the poll's id.
#
#   {"poll_id": 42, "account": "emea", "cycle": "2026-10", "inserted": 0, "updated": 3, "withdrawn": 0}
#
# Notifications are not kept for who is not connected: after each (re)connection ask the tables first.
set -eu
database=${1:?the connection string of a reader, for example postgres://ana@db/finance}

asking() {
    echo "listen lmp_billing_changes;"
    printf '%s\n' '\echo listening'
    # Ends when psql has ended, by the broken pipe.
    while echo "do 'begin end';" 2>/dev/null; do sleep "${LISTEN_INTERVAL:-1}"; done
}

asking | PGOPTIONS="-c client_min_messages=warning" psql -X -q -A -t -v ON_ERROR_STOP=1 "$database" |
    sed -u -n -e 's/^listening$/&/w /dev/stderr' \
        -e 's/^Asynchronous notification "lmp_billing_changes" with payload "\(.*\)" received from.*$/\1/p'
