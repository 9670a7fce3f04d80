#!/usr/bin/env bash
# Formatting, lints, the licences and sources of what we link, and the rule that dependencies point one way.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
# What a page loads is built without the engine's features.
cargo clippy --package headwater-wasm --no-default-features --quiet -- -D warnings
scripts/check-arrows.sh
scripts/deny.sh
scripts/outside.sh
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
