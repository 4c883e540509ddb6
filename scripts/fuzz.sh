#!/usr/bin/env bash
# Runs every fuzz target for a while: fuzz.sh [SECONDS [TARGET...]]. Ends at the first that finds something, and says
# where the input lies that shows it.
#
# Sees to cargo-fuzz, under target/tools. Coverage needs flags that only an unstable compiler takes; RUSTC_BOOTSTRAP lets the
# stable one take them, for the fuzz targets alone. What a run learns stays under fuzz/target; the seeds in fuzz/corpus are read
# and not added to.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CARGO_FUZZ_VERSION=0.13.2
readonly TOOLS="${CARGO_TARGET_DIR:-$PWD/target}/tools"
readonly LEARNT=fuzz/target/corpus
# Memory of one target, MiB, and time for one input, seconds: more is a finding.
readonly MEMORY_MIB=1024 INPUT_SECONDS=5 INPUT_BYTES=8192

say() { printf 'fuzz: %s\n' "$*" >&2; }

see_to_cargo_fuzz() {
    export PATH="$TOOLS/bin:$PATH"
    if [[ "$(cargo fuzz --version 2>/dev/null)" == "cargo-fuzz $CARGO_FUZZ_VERSION" ]]; then return; fi
    say "cargo-fuzz is missing; building it (a minute)"
    cargo install --quiet --locked --version "$CARGO_FUZZ_VERSION" --root "$TOOLS" cargo-fuzz
}

# Files of the repository that are good inputs beside the seeds.
shipped() {
    case $1 in
        schema) echo vault/templates/schema ;;
        policy | configuration) echo vault/templates ;;
        import_map) echo docs/examples/import ;;
    esac
}

fuzz() {
    local target=$1 seconds=$2 seeds=()
    mkdir -p "$LEARNT/$target"
    if [[ -d fuzz/corpus/$target ]]; then seeds+=("fuzz/corpus/$target"); fi
    seeds+=($(shipped "$target"))
    say "$target, $seconds s"
    RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$target" "$LEARNT/$target" "${seeds[@]}" -- \
        -max_total_time="$seconds" -timeout="$INPUT_SECONDS" -rss_limit_mb="$MEMORY_MIB" -max_len="$INPUT_BYTES" \
        -verbosity=0 -print_final_stats=1 2>&1 | grep -E '^(stat::number_of_executed_units|SUMMARY|==|thread|artifact_prefix|Test unit written)' >&2
}

main() {
    local seconds=${1:-10}
    shift || true
    see_to_cargo_fuzz
    local targets=("$@")
    if ((${#targets[@]} == 0)); then mapfile -t targets < <(cargo fuzz list); fi
    say "building ${#targets[@]} targets (the first time 3 minutes)"
    RUSTC_BOOTSTRAP=1 cargo fuzz build --sanitizer none
    for target in "${targets[@]}"; do fuzz "$target" "$seconds"; done
    say "ok: nothing found by ${#targets[@]} targets in $seconds s each"
}

main "$@"
