#!/usr/bin/env bash
# The Kotlin library: its tests with the real collector, the Android module's, then the conformance scenarios through
# examples/kotlin-cli.
#
#   scripts/test-android.sh          all of it; sets up what is missing (scripts/kotlin.sh)
#   scripts/test-android.sh unit     the tests alone
#   scripts/test-android.sh bench    BENCH lines for a call, beside analytics-kotlin
#
# HEADWATER_BIN: a collector that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-all}" in
  all | unit)
    if [ -z "${HEADWATER_BIN:-}" ]; then
      cargo build --quiet --package headwater-collector
      HEADWATER_BIN=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/headwater-collector
    fi
    HEADWATER_BIN=$HEADWATER_BIN scripts/kotlin.sh mvn verify
    [ "${1:-all}" = unit ] || scripts/conformance.sh kotlin
    ;;
  bench) scripts/kotlin.sh bench ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
