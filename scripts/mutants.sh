#!/usr/bin/env bash
# Changes signing, parsing, planning, guards, retention and schedule arithmetic in each small way that cargo-mutants knows,
# one after the other, and tells which changes no unit test notices. Ends with a failure if there are any.
#
#   scripts/mutants.sh [OPTION …]      options go to cargo-mutants; -f src/prune/guard.rs tries one file
#
# An hour of two processors. Works on a copy; what it found stands in target/mutants.out. Settings: .cargo/mutants.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO_MUTANTS=27.1.0
if [ $# = 0 ]; then
    for file in domain/{cycle,guid,retention,status} lmp/{answer,body,date,entry,retry,sign,window} prune/{guard,pace} \
        schedule/{cron,due,latest} sync/{entries,plan}; do
        set -- "$@" -f "src/$file.rs"
    done
fi
tools=$PWD/target/tools
cargo install --list --root "$tools" 2>/dev/null | grep -qxF "cargo-mutants v$CARGO_MUTANTS:" ||
    cargo install --quiet --locked --debug --version $CARGO_MUTANTS --root "$tools" cargo-mutants

# Not the whole folder: target is large, and nothing of it is needed.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
mkdir -p target
CARGO_TARGET_DIR=$PWD/target/mutants-build "$tools/bin/cargo-mutants" mutants --dir "$copy" --in-place --output target \
    --timeout 60 "$@"
