#!/usr/bin/env bash
# Prints the facts of scripts/bi-trial.sh as ODBC sees them, but for comments, which PostgreSQL's driver does not hand on:
# odbc.sh MOMENT (and PG… variables). The data source "finance" is in $ODBCINI.
set -euo pipefail

# isql returns 0 also after a failed statement, and writes what the server said between the results.
ask() { isql -v -b "-d|" finance "$PGUSER" "$PGPASSWORD" <<<"$1"; }

for view in current_reports cycle_progress cycles open_reports report_history status_changes time_in_status; do
    echo "rows $view $(ask "select * from $view" | wc -l)"
done
# Times come in the session's zone and without it, so that the moment is asked for as a number. isql takes a line for a
# statement.
progress="select cycle, reports, share_completed, floor(extract(epoch from confirmed_at)) from cycle_progress"
ask "$progress order by cycle desc limit 3" |
    LC_ALL=C awk -F'|' '{ printf "progress %s %d %.4f %d\n", $1, $2, $3, $4 }'
ask "select distinct partner_company_name from current_reports" | LC_ALL=C sort | sed -n '1,10s/^/name /p'
ask "select status, count(*) from reports_as_of('$1') group by status order by status" |
    awk -F'|' '{ print "as of " $1 " " $2 }'
ask "help cycle_progress" | awk -F'|' '
    BEGIN { kind["int8"] = "bigint"; kind["float8"] = "double"; kind["timestamptz"] = "timestamp" }
    { print "column " $4 " " ($6 in kind ? kind[$6] : $6) }'
{ ask "update report_statuses set position = 0" 2>&1 || true; } |
    sed -n 's/^\[\([0-9A-Z]\{5\}\)\].*/update refused \1/p'
