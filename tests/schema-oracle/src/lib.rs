//! Compares our JSON Schema validator with the crate `jsonschema`: `scripts/schema-suite.sh`.
