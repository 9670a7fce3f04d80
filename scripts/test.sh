#!/usr/bin/env bash
# Every suite. `scripts/test.sh [rust|clients|page|web|browser|ios|android]...` runs some, one after another. Without a name
# all run: first what others need built, then those that wait for browsers and timers beside those that compute.
# Installs what is missing where it can (Debian, as root); with CI=true a missing toolchain is a failure, never a skip.
#
#   SLOWER=2   doubles the ceilings, for a slower machine
#   LANES=1    all suites one after another
set -uo pipefail
cd "$(dirname "$0")/.." || exit

if ! command -v cargo >/dev/null; then
  echo "Rust is missing: install it from https://rustup.rs (version 1.89 or newer), then run this again." >&2
  exit 1
fi

. scripts/suites.sh

# One suite each: the name, the minutes it may take, the command.
lint() { run "lint" 12 scripts/lint.sh; }
tests() { run "tests" 30 cargo test --workspace --quiet; }
spec() { run "the event spec without serde" 4 cargo check --quiet --package headwater-model --no-default-features; }
sled() { run "tests with the sled backend" 12 cargo test --quiet --package headwater-store --package headwater --features headwater-store/sled,headwater/sled; }
conformance_rust() { run "conformance of the Rust SDK" 8 scripts/conformance.sh rust; }
sdks() { run "Segment's and RudderStack's SDKs" 10 scripts/test-clients.sh; }
demo() { run "the demo" 12 env ONESHOT=1 scripts/demo.sh; }
live_page() { run "the live page" 6 scripts/test-page.sh; }
wasm() { run "the engine in WebAssembly, and without" 15 scripts/web.sh test; }
package() { run "the web package" 8 scripts/web.sh check; }
conformance_web() { run "conformance of the web SDK" 8 scripts/conformance.sh web; }
browsers() { run "the web SDK in browsers" 25 scripts/test-browser.sh; }
conformance_chromium() { run "conformance of the web SDK in Chromium" 10 scripts/conformance.sh web-chromium; }
swift() { run "the Swift package" 30 scripts/test-ios.sh; }
kotlin() { run "the Kotlin library" 25 scripts/test-android.sh; }

# What waits most of its time, and what computes.
waits() {
  conformance_rust
  sdks
  demo
  live_page
  conformance_web
  browsers
  conformance_chromium
}
computes() {
  sled
  swift
  kotlin
}

everything() {
  lint
  tests
  spec
  wasm
  package
  if [ "${LANES:-2}" = 1 ]; then
    waits
    computes
    return
  fi
  echo "── suites that wait run beside those that compute; their output follows at the end"
  waits >"$record/waits" 2>&1 &
  beside=$!
  computes
  wait "$beside"
  beside=
  cat "$record/waits"
}

[ $# -gt 0 ] || set -- everything
for suite in "$@"; do
  case $suite in
    everything) everything ;;
    rust) lint && tests && sled && conformance_rust && spec ;;
    clients) sdks && demo ;;
    page) live_page ;;
    web) wasm && package && conformance_web ;;
    browser) browsers && conformance_chromium ;;
    ios) swift ;;
    android) kotlin ;;
    *)
      echo "unknown suite '$suite': rust, clients, page, web, browser, ios or android" >&2
      exit 2
      ;;
  esac
done

totals
