#!/usr/bin/env bash
# Checks what Prometheus and Grafana are given: the alert rules and their tests, the example of a scrape job, and each
# query of the dashboards, which Prometheus's own parser has to accept. That the metrics they name are the program's is
# the matter of tests/it/http/dashboards.rs.
set -euo pipefail
cd "$(dirname "$0")/.."
promtool=$(scripts/ensure-promtool.sh)

"$promtool" check config dashboards/prometheus.example.yml
"$promtool" test rules dashboards/*.test.yml

queries=$(mktemp --suffix=.yml)
trap 'rm -f "$queries"' EXIT
for dashboard in dashboards/*.json; do
    # Only those that ask Prometheus.
    grep -q '"type": "prometheus"' "$dashboard" || continue
    {
        printf 'groups:\n  - name: queries\n    rules:\n'
        # Each stands in a line of its own, and a JSON string is a YAML string too. Grafana's variables become what it
        # would put there.
        number=0
        while read -r query; do
            number=$((number + 1))
            printf '      - record: query:%s\n        expr: %s\n' "$number" "$query"
        done < <(sed -n 's/^ *"expr": \(".*"\),\{0,1\}$/\1/p' "$dashboard" |
            sed 's/\$__rate_interval/5m/g; s/\$account/.*/g')
    } >"$queries"
    found=$(grep -c 'record: query:' "$queries" || true)
    [ "$found" = "$(grep -o '"expr":' "$dashboard" | wc -l)" ] && [ "$found" -gt 0 ] ||
        { echo "$dashboard: not every query could be read; is one not in a line of its own?" >&2; exit 1; }
    "$promtool" check rules "$queries" >/dev/null || { echo "in the queries of $dashboard" >&2; exit 1; }
    echo "$dashboard: $found queries"
done
