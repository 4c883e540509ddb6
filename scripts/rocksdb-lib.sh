#!/usr/bin/env bash
# Prints the exports by which a build in another profile links the RocksDB that the dev build compiled, instead of
# compiling it again. The C++ is the same in both: it is compiled with -O3 for the dev profile too.
#
# Fails where the dev build has not yet made the archive of the version in Cargo.lock.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TARGET="${CARGO_TARGET_DIR:-$PWD/target}"

locked_version() {
    sed -n '/^name = "librocksdb-sys"$/{n;s/^version = "\(.*\)"$/\1/p}' Cargo.lock
}

# The newest archive whose build script came from the locked version.
archive_folder() {
    local version=$1 output
    while IFS= read -r output; do
        local folder="${output%/output}/out"
        if [[ -f $folder/librocksdb.a ]] && grep -qF "/librocksdb-sys-$version" "$output"; then
            echo "$folder"
            return
        fi
    done < <(ls -t "$TARGET"/debug/build/librocksdb-sys-*/output 2>/dev/null)
}

version="$(locked_version)"
folder="$(archive_folder "$version")"
if [[ -z $folder ]]; then
    echo "rocksdb-lib: no librocksdb.a of $version under $TARGET/debug: run \`cargo build -p coffer-vault\` first" >&2
    exit 1
fi
printf 'export ROCKSDB_LIB_DIR=%q ROCKSDB_STATIC=1\n' "$folder"
