#!/usr/bin/env bash
# Runs all tests of a program that counts which of its lines are passed, and prints how many are, file by file. What the
# processes that the tests start pass is counted too, but for those that are killed.
#
#   scripts/coverage.sh [FILTER …]     filters go to the tests
#
# Ten minutes. Needs rustup, for LLVM's tools. The lines themselves: target/coverage/html/index.html.
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO_LLVM_COV=0.9.1
tools=$PWD/target/tools
cargo install --list --root "$tools" 2>/dev/null | grep -qxF "cargo-llvm-cov v$CARGO_LLVM_COV:" ||
    cargo install --quiet --locked --debug --version $CARGO_LLVM_COV --root "$tools" cargo-llvm-cov
rustup component list --installed | grep -q llvm-tools || rustup component add llvm-tools
scripts/ensure-postgres.sh
scripts/ensure-test-tools.sh
cov() { "$tools/bin/cargo-llvm-cov" llvm-cov "$@"; }
cov clean --workspace
RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} cov --locked --no-report --lib --bins --test it -- "$@"
# Not what only tests use.
ours=(--ignore-filename-regex '(/tests/|tests\.rs|/src/simulator/|/src/schedule/oracle/)')
mkdir -p target/coverage
cov report "${ours[@]}" --html --output-dir target/coverage >/dev/null
cov report "${ours[@]}" --summary-only | tee target/coverage/summary
