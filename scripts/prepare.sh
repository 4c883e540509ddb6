#!/usr/bin/env bash
# Sees to what a build needs from outside this repository: cargo, a C++20 compiler, and libclang with its headers
# (bindgen reads RocksDB's C header with it); and with the word `tests` to SoftHSM, the token of the tests. Says what it installs and how long that takes; changes nothing and takes
# a tenth of a second when all is there.
#
# What is missing comes from apt-get when run as root. Otherwise libclang comes as a wheel from PyPI, pinned by hash,
# into a virtual environment under target/tools.
#
# Leaves target/tools/env.sh, which the Makefile sources before each cargo call. To call cargo by hand where libclang
# came as a wheel, source it too: with other variables cargo would build RocksDB again.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

readonly TARGET="${CARGO_TARGET_DIR:-$PWD/target}"
readonly TOOLS="$TARGET/tools"
readonly ENVIRONMENT="$TOOLS/env.sh"
readonly VENV="$TOOLS/venv"

say() { printf 'prepare: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

main() {
    mkdir -p "$TOOLS"
    see_to_compiler
    if [[ ${1:-} == tests ]]; then see_to_token; fi
    {
        echo "# Written by scripts/prepare.sh; sourced before each cargo call."
        cargo_line
        libclang_lines
    } >"$ENVIRONMENT.new"
    mv "$ENVIRONMENT.new" "$ENVIRONMENT"
    tell_about_rocksdb
}

# Cargo's own folder joins the path where the login shell did not add it.
cargo_line() {
    if command -v cargo >/dev/null; then return; fi
    local bin="${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"
    [[ -x $bin/cargo ]] || fail "cargo is missing: install Rust 1.95 or newer from https://rustup.rs (a minute), then run this again"
    printf 'export PATH=%q:"$PATH"\n' "$bin"
}

see_to_compiler() {
    if compiles_cpp20; then return; fi
    as_root || fail "a C++20 compiler is missing and this user cannot install one: ask for \`apt-get install g++\`, or set CXX"
    install_packages g++ "about a minute"
    compiles_cpp20 || fail "g++ is installed and yet compiles no C++20: set CXX to a compiler that does (g++ 10, clang 12 or newer)"
}

# A token in software, by which the seal of a token is tested. Where it cannot be had, the tests that need it say so.
see_to_token() {
    if command -v softhsm2-util >/dev/null; then return; fi
    if as_root; then
        install_packages softhsm2 "a few seconds"
    else
        say "softhsm2 is missing and this user cannot install it: ask for \`apt-get install softhsm2\`, else the tests of that seal fail"
    fi
}

compiles_cpp20() {
    echo '#include <cstdint>' | "${CXX:-c++}" -std=c++20 -x c++ -fsyntax-only - 2>/dev/null
}

# Prints the lines by which bindgen finds libclang: none where the system has it whole, or the caller named one.
libclang_lines() {
    if [[ -n ${LIBCLANG_PATH:-} ]] && ! [[ $LIBCLANG_PATH == "$VENV"/* ]]; then return; fi
    # Once the wheel was taken it stays: another libclang would build RocksDB again.
    if wheel_is_there; then wheel_lines; return; fi
    if ! system_libclang; then
        if as_root; then
            install_packages libclang-dev "a few seconds"
        else
            install_wheel
            wheel_lines
            return
        fi
    fi
    system_headers || header_line
}

# The places and names that bindgen's loader tries.
system_libclang() {
    shopt -s nullglob
    local found=(/usr/lib/llvm*/lib/libclang{,-[0-9]*}.so* /usr/lib{,64}/libclang{,-[0-9]*}.so* /usr/lib/*-linux-gnu/libclang{,-[0-9]*}.so* /usr/local/lib/libclang{,-[0-9]*}.so*)
    shopt -u nullglob
    ((${#found[@]} > 0))
}

# libclang's own copy of stddef.h and its like; some packages ship the library alone.
system_headers() {
    shopt -s nullglob
    local found=(/usr/lib/llvm*/lib/clang/*/include/stddef.h /usr/lib{,64}/clang/*/include/stddef.h /usr/local/lib/clang/*/include/stddef.h)
    shopt -u nullglob
    ((${#found[@]} > 0))
}

header_line() {
    local include
    include="$(gcc -print-file-name=include)"
    printf 'export BINDGEN_EXTRA_CLANG_ARGS=%q\n' "-I$include"
}

wheel_lines() {
    printf 'export LIBCLANG_PATH=%q\n' "$(wheel_folder)"
    header_line
}

wheel_is_there() { [[ -n $(wheel_folder) ]]; }

wheel_folder() {
    shopt -s nullglob
    local found=("$VENV"/lib/python3*/site-packages/clang/native/libclang.so)
    shopt -u nullglob
    if ((${#found[@]} > 0)); then dirname "${found[0]}"; fi
}

install_wheel() {
    say "libclang is missing; installing its wheel from PyPI into $VENV (24 MB, under a minute)"
    local start=$SECONDS
    command -v python3 >/dev/null || fail "python3 is missing and this user cannot install it: ask for \`apt-get install libclang-dev\`"
    python3 -m venv "$VENV" >&2 || fail "python3 makes no virtual environment: ask for \`apt-get install libclang-dev\` (or python3-venv)"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --requirement scripts/libclang.txt >&2 || fail "the wheel could not be had: see above; or ask for \`apt-get install libclang-dev\`"
    wheel_is_there || fail "the wheel holds no libclang.so: ask for \`apt-get install libclang-dev\`"
    say "libclang is installed (took $((SECONDS - start)) s)"
}

as_root() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

install_packages() {
    local package=$1 time=$2 start=$SECONDS log="$TOOLS/apt.log"
    say "$package is missing; installing it with apt-get ($time)"
    { apt_lists && apt_install "$package"; } >"$log" 2>&1 || { apt-get update && apt_install "$package"; } >>"$log" 2>&1 ||
        fail "apt-get could not install $package: see $log"
    say "$package is installed (took $((SECONDS - start)) s)"
}

apt_lists() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1"; }

tell_about_rocksdb() {
    if compgen -G "$TARGET/debug/build/librocksdb-sys-*/out/librocksdb.a" >/dev/null; then return; fi
    say "the first build compiles RocksDB's C++: about 9 minutes on 2 cores, once; demo, test and bench share it"
}

main "$@"
