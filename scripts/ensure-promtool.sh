#!/bin/sh
# Makes sure that promtool, which checks alert rules and expositions, is at hand, and prints where it is.
# Where it is not installed, its binary alone is taken out of Debian's package "prometheus": installing that
# would start a server nobody asked for.
set -eu
cd "$(dirname "$0")/.."

if command -v promtool; then
    exit 0
fi
kept=$PWD/target/tools/bin/promtool
if ! [ -x "$kept" ]; then
    command -v apt-get >/dev/null || {
        echo "promtool is not installed; it comes with Prometheus: please install that" >&2
        exit 1
    }
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    # apt fetches as a user of its own where it may.
    chmod 755 "$dir"
    cd "$dir"
    # A fresh machine's package lists may be missing or old: refresh them and try once more.
    if ! { apt-get download prometheus || { apt-get update && apt-get download prometheus; }; } >log 2>&1; then
        cat log >&2
        echo "Debian's package \"prometheus\", which brings promtool, could not be had" >&2
        exit 1
    fi
    dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
    mkdir -p "${kept%/*}"
    mv usr/bin/promtool "$kept"
fi
echo "$kept"
