#!/usr/bin/env bash
# Builds the package and goes an administrator's way with it in a throwaway Debian booted under systemd, typing what
# docs/OPERATIONS.md says: install, configure, check, start, see; break and mend; rotate, add and remove an account; back up,
# restore, move to an own server; upgrade, downgrade, remove, purge. Prints a line for each thing that has to hold, and fails
# if one does not.
#
#   scripts/package-trial.sh [PACKAGE]     a package built before; PROFILE=dev builds a debug one: quicker, as good for this
#
# Needs root. Not part of CI: it takes minutes, and cgroups that a container rarely grants.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/trial/debian-root.sh

need_root_tools debootstrap systemd-nspawn lintian
package=${1:-}
if [ -z "$package" ]; then
    rm -rf target/debian
    scripts/package.sh
    package=$(echo target/debian/*.deb)
fi
ls -l "$package"
lintian --fail-on error,warning --tag-display-limit 0 "$package"

root=$(fresh_root)
trap 'discard "$root"' EXIT
mkdir -p "$root/trial/old" "$root/trial/new" "$root/trial/next"
cp "$package" "$root/trial/old"
# The next version: the same program, and an example of the settings that has changed.
dpkg-deb --raw-extract "$package" "$root/trial/next"
sed -i 's/^Version: .*/&.next/' "$root/trial/next/DEBIAN/control"
echo "# A line that the next version has added." >>"$root/trial/next/etc/lmp-billing-sync/config.toml"
(cd "$root/trial/next" && find etc usr -type f -print0 | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb -Zgzip --root-owner-group --build "$root/trial/next" "$root/trial/new" >/dev/null
rm -r "$root/trial/next"

dpkg-deb --fsys-tarfile "$package" | tar -x -O ./usr/bin/lmp-billing-sync >"$root/trial/program"
prepare "$root" scripts/trial/inside-package.sh "$root/trial/program"
# The document itself is what is typed from: a small Debian may leave documentation out when it installs.
install -m 644 docs/OPERATIONS.md scripts/trial/typing.sh -t "$root/trial"
try "$root"
