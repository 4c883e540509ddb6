#!/usr/bin/env bash
# Fails if a crate that outsiders build pulls what it must do without. Takes a second.
#
#   keys, wire, client, cli   no RocksDB, no server
#   wire, client, cli         no key material either, and no schemas: they are for the vault's description of its API
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
forbid() {
    local crate=$1 pulled
    shift
    pulled="$(cargo tree --locked --edges normal,build --prefix none --format '{p}' -p "$crate" | cut -d' ' -f1 | sort -u)"
    for dependency in "$@"; do
        if grep -qx "$dependency" <<<"$pulled"; then
            echo "light: $crate must not depend on $dependency (see: cargo tree -p $crate -i $dependency)" >&2
            status=1
        fi
    done
}

readonly STORE=(rocksdb librocksdb-sys) SERVER=(axum coffer-vault) KEYS=(coffer-keys aes-gcm ed25519-dalek) SCHEMAS=(schemars)
forbid coffer-keys "${STORE[@]}" "${SERVER[@]}" reqwest
forbid coffer-wire "${STORE[@]}" "${SERVER[@]}" "${KEYS[@]}" "${SCHEMAS[@]}" tokio reqwest
forbid coffer-client "${STORE[@]}" "${SERVER[@]}" "${KEYS[@]}" "${SCHEMAS[@]}"
forbid coffer-cli "${STORE[@]}" "${SERVER[@]}" "${KEYS[@]}" "${SCHEMAS[@]}"
exit "$status"
