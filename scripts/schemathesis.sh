#!/usr/bin/env bash
# Asks a vault whatever its OpenAPI document allows and forbids: schemathesis.sh [SECONDS [ARGUMENT...]]; arguments go to
# Schemathesis. Fails where an answer is none of those that the document tells of, where an operation was never answered 200,
# where 1 % or more of the answers were 503, and at any other 5xx.
#
# Sees to Schemathesis, under target/tools. The vault is `coffer-vault dev`: empty, on a free port of this machine, gone afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TARGET="${CARGO_TARGET_DIR:-$PWD/target}"
readonly VENV="$TARGET/tools/schemathesis" VAULT="${COFFER_VAULT:-$TARGET/debug/coffer-vault}"
readonly RUN="$TARGET/schemathesis"
# Tokens of the throw-away vault live for 15 minutes.
readonly SECONDS_MAX=840

say() { printf 'schemathesis: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

see_to_schemathesis() {
    if cmp --silent scripts/schemathesis.txt "$VENV/installed"; then return; fi
    say "installing it from PyPI into $VENV (under a minute)"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --requirement scripts/schemathesis.txt
    cp scripts/schemathesis.txt "$VENV/installed"
}

start_vault() {
    COFFER_LOG=error "$VAULT" dev >"$RUN/vault.txt" 2>"$RUN/vault.log" &
    vault=$!
    trap 'kill "$vault" 2>/dev/null; wait "$vault" 2>/dev/null || true' EXIT
    for _ in $(seq 300); do
        if grep --quiet '/tokens/' "$RUN/vault.txt"; then return; fi
        kill -0 "$vault" 2>/dev/null || break
        sleep 0.1
    done
    grep --quiet '/tokens/' "$RUN/vault.txt" || fail "the vault does not start: $(cat "$RUN/vault.log")"
}

judge() {
    "$VENV/bin/python" - "$RUN/counts.json" "$RUN/openapi.json" <<'PYTHON'
import json, sys

counts, document = (json.load(open(path)) for path in sys.argv[1:])
operations = [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]
all_of = lambda status: sum(told.get(status, 0) for told in counts.values())
total = sum(sum(told.values()) for told in counts.values())
for operation in operations:
    told = counts.get(operation, {})
    print(f"{operation:<28}", "  ".join(f"{status}: {told[status]}" for status in sorted(told)))
never = [operation for operation in operations if not counts.get(operation, {}).get("200")]
statuses = {status for told in counts.values() for status in told}
broken = sum(all_of(status) for status in statuses if status >= "500" and status != "503")
busy = all_of("503")
print(f"{total} requests; 503: {busy} ({100 * busy / max(total, 1):.2f} %); other 5xx: {broken}; never answered 200: {never or 'none'}")
sys.exit(bool(never) or broken > 0 or busy * 100 >= total)
PYTHON
}

readonly TIME="${1:-60}"
shift || true
((TIME <= SECONDS_MAX)) || fail "at most $SECONDS_MAX seconds: the tokens end"
mkdir -p "$RUN"
see_to_schemathesis
"$VAULT" openapi >"$RUN/openapi.json"
"$VENV/bin/openapi-spec-validator" --schema 3.1 "$RUN/openapi.json" >/dev/null || fail "the document is no OpenAPI 3.1"
start_vault
home="$(sed -n 's|^  \(/.*\)/tokens/.*|\1|p' "$RUN/vault.txt" | head -1)"
address="$(sed -n 's/^A throw-away vault listens on \([^ ]*[0-9]\)\..*/\1/p' "$RUN/vault.txt")"
for role in security-admin dpo; do
    "$VAULT" token "$home" --person "second-$role@example" --role "$role" --application console >"$home/tokens/second-$role"
done
status=0
COFFER_HOME="$home" COFFER_URL="https://$address" COFFER_COUNTS="$RUN/counts.json" PYTHONPATH=scripts SCHEMATHESIS_HOOKS=schemathesis_hooks \
    "$VENV/bin/schemathesis" --config-file scripts/schemathesis.toml run "$RUN/openapi.json" --url "https://$address" --tls-verify "$home/tls/server-ca.pem" \
    --request-cert "$home/clients/rents-desk/client.pem" --request-cert-key "$home/clients/rents-desk/client.key" \
    --max-time "$TIME" --phases examples,coverage,fuzzing --checks all --continue-on-failure --no-shrink "$@" || status=$?
judge || status=1
exit "$status"
