#!/usr/bin/env bash
# The live page, driven as a person would, in Debian's Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh

need node nodejs
need npm npm
need chromium chromium

cargo build --quiet --package headwater-collector
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
cd collector/page-tests
npm ci --silent --no-audit --no-fund
HEADWATER_BIN="$target/debug/headwater" node test.mjs
