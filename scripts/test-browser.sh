#!/usr/bin/env bash
# The web SDK in Debian's Chromium and Firefox against the real collector: nothing lost, nothing twice, in order.
# Closing line: N passed, N failed.
#
#   BROWSERS=chromium,firefox   the default; peers run in Chromium alone
#   ONLY=TEXT     scenarios whose name contains it
#   PEERS=1       Segment's, RudderStack's, Snowplow's, PostHog's and Jitsu's packages as well (adds some ten minutes)
#   TABLE=FILE    writes the table of results there
#   HEADWATER_BIN, WEB_DIST   a collector and a build of sdk-web that are there already
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh

need node nodejs
need npm npm
need chromium chromium
browsers=${BROWSERS:-chromium,firefox}
[ -z "${PEERS:-}" ] || browsers=chromium
case $browsers in *firefox*) need firefox-esr firefox-esr ;; esac

if [ -z "${HEADWATER_BIN:-}" ]; then
  cargo build --quiet --locked --package headwater-collector
  HEADWATER_BIN=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/headwater
fi
export HEADWATER_BIN
if [ -z "${WEB_DIST:-}" ]; then make --no-print-directory web; fi
# A proxy of the machine's is not for loopback.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

packages() { # folder
  if [ ! -d "$1/node_modules" ] || [ "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]; then
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
  fi
}
packages tests/browser
sdk=headwater
if [ -n "${PEERS:-}" ]; then
  packages tests/browser/peers
  node tests/browser/peers/build.mjs
  sdk=headwater,fetch,segment,rudder,snowplow,posthog,jitsu
fi
cd tests/browser
# Node 20 has its WebSocket behind a flag.
flag=$(node -p 'typeof WebSocket === "undefined" ? "--experimental-websocket" : ""')
node $flag run.mjs --browser "$browsers" --sdk "$sdk" --only "${ONLY:-}" ${TABLE:+--table "$TABLE"}
