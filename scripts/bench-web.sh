#!/usr/bin/env bash
# What the web SDK costs a page, beside Segment's, RudderStack's and Snowplow's packages in the same Chromium.
#
#   WEB_ROUNDS=5   rounds
#   WEB_SDKS=…     headwater,segment,rudder,snowplow
#   HEADWATER_BIN, WEB_DIST   a collector and a build of sdk-web that are there already
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh

need node nodejs
need npm npm
need chromium chromium

if [ -z "${HEADWATER_BIN:-}" ]; then
  cargo build --quiet --release --locked --package headwater-collector
  HEADWATER_BIN=$(realpath "${CARGO_TARGET_DIR:-target}")/release/headwater
fi
export HEADWATER_BIN
if [ -z "${WEB_DIST:-}" ]; then make --no-print-directory web; fi
# A proxy of the machine's is not for loopback.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

for folder in tests/browser tests/browser/peers; do
  if [ ! -d "$folder/node_modules" ] || [ "$folder/package-lock.json" -nt "$folder/node_modules/.package-lock.json" ]; then
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
  fi
done
node tests/browser/peers/build.mjs
node benches/web/bench.mjs
