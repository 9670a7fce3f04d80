#!/usr/bin/env bash
# The live page, driven as a person would, with a hub behind the log and without, and what pages of other origins may do,
# in Debian's Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/browsers.sh

collector dev
cargo build --quiet --locked --package headwater-server
browser_package collector/page-tests
root=$PWD
case ${CARGO_TARGET_DIR:-} in /*) root= ;; esac
cd collector/page-tests
node origins.mjs
node test.mjs
HEADWATER_BIN=$(realpath -m "$root/${CARGO_TARGET_DIR:-target}")/debug/headwater node hub.mjs
