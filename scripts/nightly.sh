#!/usr/bin/env bash
# The long forms of what `make test` does in short ones: some hours on 2 cores. Ends `suites: N passed, N failed`.
#
#   SCALE=10   times the seeds of the simulations and of the corruption campaign (1 is what one night takes)
#   TIME=600   seconds for each fuzz target
#   ONLY=WORD  the suites whose name contains it
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/suites.sh

scale=${SCALE:-1}
time=${TIME:-600}

long() { # as run
  case $1 in
    *"${ONLY:-}"*) run "$@" ;;
  esac
}

long "simulation of a client and a collector" 120 make --no-print-directory sim SEEDS=$((20000 * scale))
long "simulation of the hub" 120 make --no-print-directory hub-sim SEEDS=$((10000 * scale))
long "corruption campaign" 90 make --no-print-directory corrupt SEEDS=$((20000 * scale))
long "mutants" 180 make --no-print-directory mutants
long "JSON Schema beside the official cases and another validator" 40 scripts/schema-suite.sh
long "fuzzing" 180 make --no-print-directory fuzz TIME="$time"
long "the Swift package under the thread sanitizer" 60 scripts/test-ios.sh threads
long "every web SDK in Chromium" 40 env PEERS=1 scripts/test-browser.sh
totals
