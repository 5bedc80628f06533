#!/bin/sh
# Makes sure that the Debian packages some tests need are on this machine. Says nothing when they are
# there; installs them when it may; else says the one line to type and fails.
set -eu

# A package a line.
packages="
faketime
pgbouncer
"

missing=
for package in $packages; do
    dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "Some tests need more packages. Please type:" >&2
    echo "    sudo apt-get install --yes$missing" >&2
    exit 1
fi
# shellcheck disable=SC2086 # one word for each package
install() {
    # pgbouncer's package starts a service where there is a service manager; nobody asked for that one.
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install --yes --no-install-recommends $missing
}
log=$(mktemp)
# A fresh machine's package lists may be missing or old: refresh them and try once more.
if ! { install || { $as_root apt-get update && install; }; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "They could not be installed; the whole of what apt-get said is in $log" >&2
    exit 1
fi
rm "$log"
