#!/usr/bin/env bash
# The JSON Schema validator against what others say: the official cases for draft-07, which Python's package `jsonschema`
# ships in its source archive, and the crate `jsonschema` on generated schemas and values.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The last version that builds with nothing but setuptools holds all cases of draft-07.
pip3 download --quiet --no-deps --no-binary :all: --dest "$scratch" jsonschema==4.17.3
tar -xzf "$scratch"/jsonschema-4.17.3.tar.gz -C "$scratch"
cargo run --quiet --package headwater-govern --features patterns --example schema_suite -- \
  "$scratch/jsonschema-4.17.3/json/tests/draft7"

cargo test --manifest-path tests/schema-oracle/Cargo.toml --target-dir target/schema-oracle
