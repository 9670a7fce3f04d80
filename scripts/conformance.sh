#!/usr/bin/env bash
# The conformance scenarios against one SDK's e2e CLI: `scripts/conformance.sh [SDK [ARGUMENTS...]]`. With CLI set, against
# that command. `scripts/conformance.sh rust --help` tells the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
sdk=${1:-rust}
shift || true
cargo build --quiet --package headwater-conformance
target=${CARGO_TARGET_DIR:-target}
if [ -n "${CLI:-}" ]; then
  exec "$target/debug/conformance" --cli "$CLI" "$@"
fi
exec "$target/debug/conformance" --sdk "$sdk" "$@"
