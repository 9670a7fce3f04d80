#!/bin/sh
# Drives the collector with SDKs that are not ours, from the registries. Closing line: N passed, N failed.
#
#   HEADWATER_BIN=PATH   the collector; built when it is not given
#   CI=true              a runtime that is missing and cannot be installed is a failure
set -eu
cd "$(dirname "$0")/.."
here=$PWD
clients=$here/tests/clients
passed=0
failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

say() { printf '%s\n' "$*"; }

# Debian, as root: get what is missing. Elsewhere it is said what is.
ensure() {
    check=$1
    shift
    if sh -c "$check" >/dev/null 2>&1; then return 0; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing $*"
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$output" 2>&1 ||
            tail -n 5 "$output"
    fi
    sh -c "$check" >/dev/null 2>&1
}

missing() {
    say "$1 is missing: $2"
    if [ "${CI:-}" = true ]; then failed=$((failed + 1)); else say "skipped; with CI=true this is a failure"; fi
}

# Adds up the counts of a run; a run that died without counting is one failure.
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    if [ "$3" -ne 0 ] && [ "$2" -eq 0 ]; then failed=$((failed + 1)); fi
}

if [ -z "${HEADWATER_BIN:-}" ]; then
    cargo build --locked -p headwater-collector
    HEADWATER_BIN=$here/${CARGO_TARGET_DIR:-target}/debug/headwater-collector
    case ${CARGO_TARGET_DIR:-} in /*) HEADWATER_BIN=$CARGO_TARGET_DIR/debug/headwater-collector ;; esac
fi
export HEADWATER_BIN
# A proxy of the machine's is not for loopback.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

say "== Node: @segment/analytics-node, @rudderstack/rudder-sdk-node"
if ensure 'node -e "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)" && npm --version' nodejs npm; then
    cd "$clients/node"
    if [ ! -d node_modules ] || [ -n "$(find package-lock.json -newer node_modules/.package-lock.json)" ]; then
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    fi
    status=0
    node --test --test-concurrency=1 --test-reporter=tap >"$output" 2>&1 || status=$?
    grep -E '^ *(not )?ok ' "$output" | sed -E 's/ # .*//' || true
    if [ "$status" -ne 0 ]; then grep -vE '^ *ok ' "$output" | head -n 200; fi
    count "$(sed -n 's/^# pass //p' "$output")" "$(sed -n 's/^# fail //p' "$output")" "$status"
    cd "$here"
else
    missing Node "20 or newer, with npm, from https://nodejs.org"
fi

say "== Python: segment-analytics-python"
if ensure 'python3 -c "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))"' python3 python3-venv; then
    venv=$here/.cache/clients-python
    if ! cmp -s "$clients/python/requirements.txt" "$venv/installed"; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$clients/python/requirements.txt"
        cp "$clients/python/requirements.txt" "$venv/installed"
    fi
    status=0
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$clients/python \
        "$venv/bin/python" -m unittest discover --verbose --start-directory "$clients/python" >"$output" 2>&1 || status=$?
    sed -nE 's/^(test_[a-z0-9_]*) .* \.\.\. (ok|FAIL|ERROR|.*)$/\1/p' "$output" | tr _ ' ' || true
    if [ "$status" -ne 0 ]; then grep -vE ' \.\.\. ok$' "$output" | head -n 200; fi
    ran=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} .*/\1/p' "$output")
    bad=$(sed -n 's/^FAILED (\(.*\))$/\1/p' "$output" | tr ',' '\n' | sed -n 's/.*\(failures\|errors\)=\([0-9]*\).*/\2/p' | awk '{ n += $1 } END { print n + 0 }')
    good=$((${ran:-0} - bad))
    if [ "$good" -lt 0 ]; then good=0; fi
    count "$good" "$bad" "$status"
else
    missing Python "3.9 or newer with venv, from https://python.org"
fi

say "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
