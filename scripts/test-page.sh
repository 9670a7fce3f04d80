#!/usr/bin/env bash
# The live page, driven as a person would, and what pages of other origins may do, in Debian's Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/browsers.sh

collector dev
browser_package collector/page-tests
cd collector/page-tests
node origins.mjs
node test.mjs
