#!/usr/bin/env bash
# Builds the Debian package. Sees to cargo-deb, under target/tools. Links the RocksDB that the dev build has compiled.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CARGO_DEB_VERSION=3.8.0
readonly TARGET="${CARGO_TARGET_DIR:-$PWD/target}"
export PATH="$TARGET/tools/bin:$PATH"

if [[ "$(cargo deb --version 2>/dev/null)" != "$CARGO_DEB_VERSION" ]]; then
    echo "deb: cargo-deb is missing; building it (a minute)" >&2
    cargo install --quiet --locked --version "$CARGO_DEB_VERSION" --root "$TARGET/tools" cargo-deb
fi
exports="$(scripts/rocksdb-lib.sh)" && eval "$exports"
cargo build --release --locked -p coffer-vault -p coffer-cli
cargo deb --no-build --locked -p coffer-vault --output "$TARGET/debian/"
