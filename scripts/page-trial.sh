#!/usr/bin/env bash
# Looks at the demo's status page in headless Chromium: light, dark, phone, printed, by keyboard, without scripts, and
# with an accessibility checker (scripts/page-trial/look.mjs). Not part of CI: it installs Debian's chromium and two npm
# packages. The pictures stay in target/page-trial, to be looked at by a person.
#
# Takes the built program ($LMP_BILLING_SYNC, else target/debug/lmp-billing-sync, built if it is missing).
set -euo pipefail
cd "$(dirname "$0")/.."
program=${LMP_BILLING_SYNC:-target/debug/lmp-billing-sync}
[ -x "$program" ] || cargo build --locked
program=$(realpath "$program")
folder=target/page-trial
mkdir -p "$folder"

export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
if [ ! -x "$CHROMIUM" ]; then
    # Without the second font the Japanese names of the demo are empty boxes.
    install=(apt-get install --yes --quiet --no-install-recommends chromium fonts-noto-cjk)
    if [ "$(id -u)" != 0 ]; then echo "please type: sudo ${install[*]}" >&2; exit 1; fi
    DEBIAN_FRONTEND=noninteractive "${install[@]}" >"$folder/apt.log" 2>&1 || { tail "$folder/apt.log" >&2; exit 1; }
fi
# Node looks for packages beside the script, so it goes where they are.
cp scripts/page-trial/look.mjs scripts/page-trial/package.json "$folder/"
(cd "$folder" && PUPPETEER_SKIP_DOWNLOAD=1 npm install --silent --no-audit --no-fund)

# Eight simulated days a second: after a minute the year and a half is over and every table of the page has rows.
"$program" demo --days-per-second 8 >"$folder/demo.log" 2>&1 &
demo=$!
trap 'kill "$demo" 2>/dev/null; wait "$demo" || true' EXIT
until [ "$(grep -c ' → ' "$folder/demo.log")" -ge 40 ]; do
    kill -0 "$demo" 2>/dev/null || { cat "$folder/demo.log" >&2; exit 1; }
    sleep 0.5
done
(cd "$folder" && node look.mjs "$(sed -n 's/^Status page *//p' demo.log)" .)
echo "the pictures are in $folder"
