#!/usr/bin/env bash
# Builds the package of the last commit twice, from nothing, in two folders with different names, and compares every byte.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d "$PWD/target/twice.XXXXXX")
trap 'rm -rf "$work"' EXIT
for folder in once "another-time"; do
    git clone --quiet . "$work/$folder"
    # The tools may be the same ones.
    mkdir "$work/$folder/target"
    [ ! -d target/tools ] || ln -s "$PWD/target/tools" "$work/$folder/target/tools"
    "$work/$folder/scripts/package.sh"
done
sha256sum "$work"/*/target/debian/*.deb
cmp "$work"/*/target/debian/*.deb && echo "the same, byte for byte"
