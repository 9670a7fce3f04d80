#!/usr/bin/env bash
# Every suite. `scripts/test.sh [rust|clients|page|web|browser|ios|android]...` runs some. Installs what is missing where it can
# (Debian, as root); with CI=true a missing toolchain is a failure, never a skip.
set -uo pipefail
cd "$(dirname "$0")/.."
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(rust clients page web browser ios android)

if ! command -v cargo >/dev/null; then
  echo "Rust is missing: install it from https://rustup.rs (version 1.89 or newer), then run this again." >&2
  exit 1
fi

passed=0
failed=0
# A suite that takes longer than its ceiling has failed: some three times what it takes cold on 2 quiet cores. SLOWER=2
# doubles the ceilings, for a slower machine.
run() { # name, ceiling in minutes, command...
  local name=$1 ceiling=$(($2 * ${SLOWER:-1})) start=$SECONDS code=0
  shift 2
  echo "── $name"
  timeout --kill-after=30 "${ceiling}m" "$@" || code=$?
  if [ "$code" -eq 0 ]; then
    passed=$((passed + 1))
    echo "── $name: ok, $((SECONDS - start)) s"
  else
    failed=$((failed + 1))
    [ "$code" -ne 124 ] || echo "── $name: stopped, it took longer than its ceiling of $ceiling minutes" >&2
    echo "── $name: FAILED, $((SECONDS - start)) s" >&2
  fi
}

rust() {
  run "lint" 12 scripts/lint.sh
  run "tests" 30 cargo test --workspace --quiet
  run "tests with the sled backend" 12 cargo test --quiet --package headwater-store --package headwater --features headwater-store/sled,headwater/sled
  run "conformance of the Rust SDK" 8 scripts/conformance.sh rust
  run "the event spec without serde" 4 cargo check --quiet --package headwater-model --no-default-features
}

clients() {
  run "Segment's and RudderStack's SDKs" 10 scripts/test-clients.sh
  run "the demo" 12 env ONESHOT=1 scripts/demo.sh
}

page() {
  run "the live page" 6 scripts/test-page.sh
}

web() {
  run "the engine in WebAssembly, and without" 15 scripts/web.sh test
  run "the web package" 8 scripts/web.sh check
  run "conformance of the web SDK" 8 scripts/conformance.sh web
}

browser() {
  run "the web SDK in browsers" 25 scripts/test-browser.sh
  run "conformance of the web SDK in Chromium" 10 scripts/conformance.sh web-chromium
}

ios() {
  run "the Swift package" 30 scripts/test-ios.sh
}

android() {
  run "the Kotlin library" 25 scripts/test-android.sh
}

for suite in "${suites[@]}"; do
  case $suite in
    rust | clients | page | web | browser | ios | android) "$suite" ;;
    *)
      echo "unknown suite '$suite': rust, clients, page, web, browser, ios or android" >&2
      exit 2
      ;;
  esac
done
echo "suites: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
