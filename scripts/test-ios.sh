#!/usr/bin/env bash
# The Swift package: `swift test` with the real collector, then the conformance scenarios through examples/swift-cli.
#
#   scripts/test-ios.sh          all of it; sets up what is missing (scripts/swift.sh)
#   scripts/test-ios.sh unit     `swift test` alone
#   scripts/test-ios.sh bench    BENCH lines for a call
#
# HEADWATER_BIN: a collector that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

# Foundation starts programs with SIGTERM blocked, so collectors outlive the tests that end them. They run from this run's
# own copy, by which they are known.
leave() {
  local exe pid
  for exe in /proc/[0-9]*/exe; do
    case "$(readlink "$exe" 2>/dev/null || true)" in
      *"$place/headwater"*) pid=${exe#/proc/} && kill -9 "${pid%/exe}" 2>/dev/null || true ;;
    esac
  done
  rm -rf "$place"
}

case "${1:-all}" in
  all | unit)
    if [ -z "${HEADWATER_BIN:-}" ]; then
      cargo build --quiet --package headwater-collector
      HEADWATER_BIN=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/headwater
    fi
    # Inside the folder with Swift only the repository, /tmp and the build folder are to be seen.
    place=$(mktemp -d /tmp/headwater-ios.XXXXXX)
    trap leave EXIT
    cp "$HEADWATER_BIN" "$place/headwater"
    HEADWATER_BIN=$place/headwater NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 scripts/swift.sh test
    [ "${1:-all}" = unit ] || scripts/conformance.sh swift
    ;;
  bench)
    scripts/swift.sh cli
    place=$(mktemp -d /tmp/headwater-bench.XXXXXX)
    trap 'rm -rf "$place"' EXIT
    scripts/swift.sh run-cli bench "$place/queue"
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
