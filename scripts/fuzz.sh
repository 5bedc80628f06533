#!/usr/bin/env bash
# Fuzzes what reads foreign bytes, guided by coverage, with libFuzzer. What it tries is held against a second
# implementation (tests/it/foreign); what fails is kept in target/fuzz/found.
#
#   scripts/fuzz.sh                       everything: 100,000,000 bodies, and some of the others
#   scripts/fuzz.sh TARGET [EXECUTIONS]   arguments, body, headers or settings
#   scripts/fuzz.sh --replay TARGET FILE  one input again
#   scripts/fuzz.sh --minute              all four, a minute of two processors' time, as CI does; built with the tests'
#                                         dependencies
#
# Needs a C++ compiler. The compiler's flags are those of cargo-fuzz without a sanitizer, which is not needed as long as
# the crate forbids unsafe code; they are stable ones.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD
FOLDER=$ROOT/target/fuzz

# Long enough for several reports; longer inputs are slower and find no more.
MAX_LEN=1024

declare -A EXECUTIONS=([body]=100000000 [headers]=20000000 [arguments]=20000000 [settings]=1000000)

pass=-Cllvm-args=-sanitizer-coverage
export INSTRUMENTED="-Cpasses=sancov-module $pass-level=4 $pass-inline-8bit-counters $pass-pc-table $pass-trace-compares"

# Optimised, and all of it instrumented.
build() {
    PROGRAMS=$FOLDER/build/$(rustc --print host-tuple)/release
    RUSTFLAGS=$INSTRUMENTED cargo build --quiet --locked --release --manifest-path fuzz/Cargo.toml --bins \
        --target-dir "$FOLDER/build" --target "$(rustc --print host-tuple)"
}

# Soon done: only our own code is instrumented.
build_quickly() {
    PROGRAMS=$ROOT/target/debug
    RUSTC_WRAPPER=$ROOT/fuzz/instrument cargo build --quiet --locked --manifest-path fuzz/Cargo.toml --bins --target-dir target
}

seeds() {
    echo "$ROOT/tests/it/foreign/corpus/$1"
}

# Several jobs share what they find.
fuzz() {
    local target=$1 jobs=$2 limit=$3
    mkdir -p "$FOLDER/corpus/$target" "$FOLDER/found" "$FOLDER/logs/$target"
    # What a long run found, but for what covers nothing that others do not (-set_cover_merge=1).
    local kept=$ROOT/fuzz/corpus/$target.tar.gz
    [ ! -e "$kept" ] || tar -xzf "$kept" -C "$FOLDER/corpus/$target" --skip-old-files
    local dictionary=()
    [ ! -e "$ROOT/fuzz/$target.dict" ] || dictionary=(-dict="$ROOT/fuzz/$target.dict")
    (
        cd "$FOLDER/logs/$target"
        rm -f fuzz-*.log
        "$PROGRAMS/$target" -jobs="$jobs" -workers="$jobs" "$limit" -max_len=$MAX_LEN \
            -timeout=10 -print_final_stats=1 -artifact_prefix="$FOLDER/found/$target-" "${dictionary[@]}" \
            "$FOLDER/corpus/$target" "$(seeds "$target")" >jobs.log 2>&1
    ) || {
        tail -n 40 "$FOLDER/logs/$target"/fuzz-*.log >&2
        echo "fuzz: $target failed; the input is in target/fuzz/found" >&2
        return 1
    }
    awk -v target="$target" '/stat::number_of_executed_units/ { sum += $2 } END { printf "%s: %d executions, nothing found\n", target, sum }' \
        "$FOLDER/logs/$target"/fuzz-*.log
}

# One job for each processor, each with a part of the executions.
fuzz_for_long() {
    local executions=${2:-${EXECUTIONS[$1]}} jobs
    jobs=$(nproc)
    fuzz "$1" "$jobs" "-runs=$(((executions + jobs - 1) / jobs))"
}

case ${1:-} in
--minute)
    build_quickly
    running=()
    for target in "${!EXECUTIONS[@]}"; do
        fuzz "$target" 1 -max_total_time=30 &
        running+=($!)
    done
    for job in "${running[@]}"; do
        wait "$job"
    done
    ;;
"")
    build
    for target in body headers arguments settings; do
        fuzz_for_long "$target"
    done
    ;;
--replay)
    build
    exec "$PROGRAMS/$2" "$3"
    ;;
*)
    build
    fuzz_for_long "$@"
    ;;
esac
