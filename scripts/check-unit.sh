#!/usr/bin/env bash
# Checks the systemd unit without a running systemd: that each directive is known and well formed, and that the service is
# exposed to no more than 1.5 of 10 by systemd's own reckoning.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v systemd-analyze >/dev/null || {
    echo "installing systemd, whose systemd-analyze checks units ..." >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends systemd; } >/dev/null
}

# A root with nothing but the unit, what it starts and the targets it is tied to.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
install -D -m 644 systemd/lmp-billing-sync.service -t "$root/etc/systemd/system"
install -D -m 755 /bin/true "$root/usr/bin/lmp-billing-sync"
install -D -m 755 /bin/true "$root/bin/sh"
for target in basic sysinit shutdown multi-user network-online; do
    printf '[Unit]\nDescription=%s\n' "$target" >"$root/etc/systemd/system/$target.target"
done
printf '[Unit]\nDescription=root\n[Slice]\n' >"$root/etc/systemd/system/system.slice"

# What is unknown is only remarked on, and a remark is a failure here.
said=$(systemd-analyze verify --root="$root" "$root/etc/systemd/system/lmp-billing-sync.service" 2>&1) ||
    { echo "$said" >&2; exit 1; }
[ -z "$said" ] || { echo "$said" >&2; exit 1; }
echo "systemd-analyze verify: nothing to say"

# The threshold is ten times the exposure.
systemd-analyze security --no-pager --offline=true --threshold=15 systemd/lmp-billing-sync.service | tail -n 1
