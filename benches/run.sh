#!/bin/sh
# Runs one benchmark or all of them, side by side with the peers: run.sh track|ingest|govern|all
# Exit code 1 when a count does not add up or something cannot be built.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

if [ -n "${CARGO_TARGET_DIR:-}" ]; then
    # Both workspaces are built below; a relative folder would mean two different ones.
    mkdir -p "$CARGO_TARGET_DIR"
    CARGO_TARGET_DIR=$(cd "$CARGO_TARGET_DIR" && pwd)
    export CARGO_TARGET_DIR
fi

track() {
    cd "$here"
    cargo run --release --quiet -p track
}

ingest() {
    # The collector is built as it is shipped, from the root workspace.
    cd "$root"
    cargo build --release --quiet -p headwater-collector --bin headwater-collector
    cd "$here"
    cargo run --release --quiet -p ingest -- "${CARGO_TARGET_DIR:-$root/target}/release/headwater-collector"
}

govern() {
    # The peers are Segment's own libraries, in Node.
    [ -d "$here/govern/peers/node_modules" ] || (cd "$here/govern/peers" && npm ci --silent --no-fund --no-audit)
    cd "$here"
    cargo run --release --quiet -p govern -- "$here/govern/peers"
}

case "${1:-all}" in
govern) govern ;;
track) track ;;
ingest) ingest ;;
all) track && ingest ;;
*)
    echo "usage: $0 track|ingest|govern|all" >&2
    exit 2
    ;;
esac
