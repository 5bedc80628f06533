#!/usr/bin/env bash
# Builds the Debian package into target/debian, from the lock file alone: manual pages, completions and licences from the
# program's sources, an SBOM of what is linked, the program as a release; all of it packed by cargo-deb.
#
#   scripts/package.sh [OPTION …]      options go to cargo-deb; PROFILE=dev packs a debug build
#
# The same commit, toolchain and C compiler are to make the same package, byte for byte (scripts/package-twice.sh compares).
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO_DEB=3.8.0
CARGO_CYCLONEDX=0.5.9
tools=$PWD/target/tools
profile=${PROFILE:-release}
target=$(rustc --version --verbose | sed -n 's/^host: //p')
# Files in the package get the time of the last commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

# A tool in just that version, from the registry. Unoptimised, because building takes longer than running.
tool() {
    cargo install --list --root "$tools" 2>/dev/null | grep -qxF "$1 v$2:" ||
        cargo install --quiet --locked --debug --version "$2" --root "$tools" "$1"
}
tool cargo-deb $CARGO_DEB
tool cargo-cyclonedx $CARGO_CYCLONEDX

rm -rf target/package
cargo run --quiet --locked --example package_assets -- target/package

# Beside Cargo.toml is the only place it writes to. What is used to build is no part of the program.
SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH "$tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 \
    --target "$target" --no-build-deps --override-filename lmp-billing-sync.cdx
sed "s|path+file://$PWD|path+file:///lmp-billing-sync|" lmp-billing-sync.cdx.json >target/package/lmp-billing-sync.cdx.json
rm lmp-billing-sync.cdx.json

# The program tells no path of this machine: neither of these sources, nor of its crates, nor of the toolchain.
if [ "$profile" = release ]; then
    RUSTFLAGS="--remap-path-prefix=$PWD=/lmp-billing-sync --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo ${RUSTFLAGS:-}"
    # A trailing space would be other flags, and all would be built anew.
    export RUSTFLAGS=${RUSTFLAGS% }
fi
cargo build --profile "$profile" --locked --bin lmp-billing-sync
# Only for packing: where it changes, cargo builds every C library anew.
SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH \
    "$tools/bin/cargo-deb" --no-build --profile "$profile" --locked --output target/debian/ "$@"
ls -l target/debian/*.deb
