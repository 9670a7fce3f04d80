#!/usr/bin/env bash
# The Swift package: `swift test` with the real collector, what can be checked of Apple's systems on Linux, the
# documentation, then the conformance scenarios through examples/swift-cli.
#
#   scripts/test-ios.sh          all of it; sets up what is missing (scripts/swift.sh)
#   scripts/test-ios.sh unit     `swift test` alone
#   scripts/test-ios.sh threads  the same under the thread sanitizer
#   scripts/test-ios.sh check    without running anything: Apple's systems, documentation, manifest, XCFramework script
#   scripts/test-ios.sh bench    BENCH lines for a call
#
# HEADWATER_BIN: a collector that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh

# Collectors run from this run's own copy, by which they are known. Answers the ids of those that still run.
collectors() {
  local exe
  for exe in /proc/[0-9]*/exe; do
    case "$(readlink "$exe" 2>/dev/null || true)" in
      *"$place/headwater"*) exe=${exe#/proc/} && echo "${exe%/exe}" ;;
    esac
  done
}

# A test that crashes leaves its collector behind.
leave() {
  local pid
  for pid in $(collectors); do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$place"
}

unit() {
  if [ -z "${HEADWATER_BIN:-}" ]; then
    cargo build --quiet --package headwater-collector
    HEADWATER_BIN=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/headwater-collector
  fi
  # Inside the folder with Swift only the repository, /tmp and the build folder are to be seen.
  place=$(mktemp -d /tmp/headwater-ios.XXXXXX)
  trap leave EXIT
  cp "$HEADWATER_BIN" "$place/headwater"
  HEADWATER_BIN=$place/headwater NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 scripts/swift.sh test "$@"
  if [ -n "$(collectors)" ]; then
    echo "collectors still run after the tests: $(collectors)" >&2
    exit 1
  fi
}

check() {
  scripts/swift.sh apple
  scripts/swift.sh docs
  scripts/swift.sh manifest
  need shellcheck shellcheck
  shellcheck -x -S warning scripts/swift.sh scripts/test-ios.sh scripts/build-xcframework.sh
  local planned
  planned=$(scripts/build-xcframework.sh --all --dry-run | grep -c -- '--target')
  [ "$planned" = 16 ] || { echo "the XCFramework would have $planned targets" >&2; exit 1; }
  echo "xcframework: $planned targets planned"
}

case "${1:-all}" in
  threads)
    # Built apart: everything is another thing with the sanitizer in it.
    export HEADWATER_SWIFT_BUILD=${XDG_CACHE_HOME:-$HOME/.cache}/headwater/swift-threads
    unit --sanitize=thread
    ;;
  all)
    unit
    check
    scripts/conformance.sh swift
    ;;
  unit | check)
    "$1"
    ;;
  bench)
    scripts/swift.sh cli
    place=$(mktemp -d /tmp/headwater-bench.XXXXXX)
    trap 'rm -rf "$place"' EXIT
    scripts/swift.sh run-cli bench "$place/queue"
    ;;
  *)
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
