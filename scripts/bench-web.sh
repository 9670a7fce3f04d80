#!/usr/bin/env bash
# What the web SDK costs a page, beside Segment's, RudderStack's and Snowplow's packages in the same Chromium.
#
#   WEB_ROUNDS=5   rounds
#   WEB_SDKS=…     headwater,segment,rudder,snowplow
#   HEADWATER_BIN, WEB_DIST   a collector and a build of sdk-web that are there already
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/browsers.sh

collector release
web_dist
browser_package tests/browser
browser_package tests/browser/peers
node tests/browser/peers/build.mjs
node benches/web/bench.mjs
