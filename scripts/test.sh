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
run() { # name, command...
  local name=$1 start=$SECONDS
  shift
  echo "── $name"
  if "$@"; then
    passed=$((passed + 1))
    echo "── $name: ok, $((SECONDS - start)) s"
  else
    failed=$((failed + 1))
    echo "── $name: FAILED, $((SECONDS - start)) s" >&2
  fi
}

rust() {
  run "lint" scripts/lint.sh
  run "tests" cargo test --workspace --quiet
  run "tests with the sled backend" cargo test --quiet --package headwater-store --package headwater --features headwater-store/sled,headwater/sled
  run "conformance of the Rust SDK" scripts/conformance.sh rust
  run "the event spec without serde" cargo check --quiet --package headwater-model --no-default-features
}

clients() {
  run "Segment's and RudderStack's SDKs" scripts/test-clients.sh
  run "the demo" env ONESHOT=1 scripts/demo.sh
}

page() {
  run "the live page" scripts/test-page.sh
}

web() {
  run "the engine in WebAssembly, and without" scripts/web.sh test
  run "the web package" scripts/web.sh check
  run "conformance of the web SDK" scripts/conformance.sh web
}

browser() {
  run "the web SDK in browsers" scripts/test-browser.sh
  run "conformance of the web SDK in Chromium" scripts/conformance.sh web-chromium
}

ios() {
  run "the Swift package" scripts/test-ios.sh
}

android() {
  run "the Kotlin library" scripts/test-android.sh
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
