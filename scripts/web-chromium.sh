#!/usr/bin/env bash
# For `make conformance SDK=web-chromium`: builds the web package and starts the Chromium that all cases share; it ends
# by itself when no case comes any more.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/browsers.sh
web_dist
browser_package tests/browser
node tests/browser/conformance/cli.mjs --start
