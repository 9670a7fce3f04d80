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
. scripts/browsers.sh

browsers=${BROWSERS:-chromium,firefox}
[ -z "${PEERS:-}" ] || browsers=chromium
case $browsers in *firefox*) need firefox-esr firefox-esr ;; esac

collector dev
web_dist
browser_package tests/browser
# Some scenarios ask analytics-next the same questions.
browser_package tests/browser/peers
node tests/browser/peers/build.mjs
sdk=headwater
if [ -n "${PEERS:-}" ]; then
  sdk=headwater,fetch,segment,rudder,snowplow,posthog,jitsu
fi
cd tests/browser
# Node 20 has its WebSocket behind a flag.
flag=$(node -p 'typeof WebSocket === "undefined" ? "--experimental-websocket" : ""')
node $flag run.mjs --browser "$browsers" --sdk "$sdk" --only "${ONLY:-}" ${TABLE:+--table "$TABLE"}
