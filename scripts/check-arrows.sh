#!/usr/bin/env bash
# Dependencies point one way, and the crates that decide must not be able to do: no clock, randomness, network, files
# or runtime reaches model, govern or engine.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
tree() { cargo tree --quiet --package "$1" --edges normal --prefix none --no-default-features | awk '{print $1}' | sort -u; }

for crate in headwater-model headwater-govern headwater-engine; do
  allowed='^(headwater-model|headwater-govern|headwater-engine|thiserror|thiserror-impl|proc-macro2|quote|syn|unicode-ident)$'
  extra=$(tree "$crate" | grep -vE "$allowed" || true)
  if [ -n "$extra" ]; then
    echo "$crate must stay free of I/O and small; it now also depends on:" $extra >&2
    failed=1
  fi
done

forbid() { # crate, what it must not reach
  if tree "$1" | grep -qE "^($2)$"; then
    echo "$1 must not depend on $2: see the layout in ARCHITECTURE.md" >&2
    failed=1
  fi
}
forbid headwater-model 'headwater-govern|headwater-engine|headwater-store|headwater'
forbid headwater-govern 'headwater-engine|headwater-store|headwater'
forbid headwater-engine 'headwater-store|headwater'
forbid headwater-store 'headwater-govern|headwater-engine|headwater'
forbid headwater-collector 'headwater-engine|headwater|headwater-workspace|headwater-delivery|headwater-profiles'
forbid headwater-workspace 'headwater-collector|headwater-store|headwater-engine|headwater|headwater-delivery|tokio|rusqlite'
forbid headwater-catalog 'headwater-collector|headwater-store|headwater-engine|headwater|headwater-workspace|headwater-delivery|tokio|reqwest'
forbid headwater-delivery 'headwater-profiles|headwater-engine|headwater|fjall'
forbid headwater-profiles 'headwater-engine|headwater'
# In apps, requests are the platform's to carry out.
forbid headwater-ffi 'tokio|reqwest|hyper|rustls|rustls-platform-verifier|native-tls|ring|sled'
# What a page loads.
forbid headwater-wasm 'serde|serde_json|getrandom|rand|regex|url|chrono|hashbrown|headwater-store|headwater'
exit $failed
