#!/usr/bin/env bash
# The native client as a library for Swift and Kotlin (bindings/uniffi).
#
#   scripts/ffi.sh swift [DIR]     the library for this machine and its Swift source, into DIR (sdk-ios/Library)
#   scripts/ffi.sh kotlin DIR      the library for this machine and its Kotlin source, into DIR
#   scripts/ffi.sh size            what the stripped library weighs; fails over its budget
#
# CARGO_TARGET_DIR is where Rust builds (default target/).
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
budget=1500000

case $(uname -s) in
  Darwin) library=libheadwater_ffi.dylib ;;
  *) library=libheadwater_ffi.so ;;
esac

# The library as apps load it, in $target/mobile/stripped. The generator reads the interface from the symbols, so they
# are stripped afterwards.
build() {
  cargo build --quiet --package headwater-ffi --profile mobile
  mkdir -p "$target/mobile/stripped"
  cp "$target/mobile/$library" "$target/mobile/stripped/$library.new"
  case $(uname -s) in
    Darwin) strip -x "$target/mobile/stripped/$library.new" ;;
    *) strip --strip-all "$target/mobile/stripped/$library.new" ;;
  esac
  mv "$target/mobile/stripped/$library.new" "$target/mobile/stripped/$library"
}

generate() { # language, folder
  CARGO_TARGET_DIR="$target/ffi-bindgen" cargo build --quiet --locked --manifest-path bindings/uniffi/bindgen/Cargo.toml
  "$target/ffi-bindgen/debug/uniffi-bindgen" generate --no-format --library \
    "$target/mobile/$library" --language "$1" --out-dir "$2"
}

case "${1:-}" in
  swift)
    out=$(realpath -m "${2:-sdk-ios/Library}")
    new=$target/mobile/swift
    rm -rf "$new" && mkdir -p "$new/headwaterFFI" "$new/swift"
    build
    generate swift "$new"
    mv "$new/headwater.swift" "$new/swift/"
    mv "$new/headwaterFFI.h" "$new/headwaterFFI/"
    rm "$new/headwaterFFI.modulemap"
    printf 'module headwaterFFI {\n    header "headwaterFFI.h"\n    link "headwater_ffi"\n    export *\n}\n' \
      >"$new/headwaterFFI/module.modulemap"
    cp "$target/mobile/stripped/$library" "$new/"
    # Only what changed, so that Swift does not build again what it has.
    mkdir -p "$out"
    (cd "$new" && find . -type f) | while read -r file; do
      mkdir -p "$out/$(dirname "$file")"
      cmp -s "$new/$file" "$out/$file" || cp "$new/$file" "$out/$file"
    done
    ;;
  kotlin)
    out=$(realpath -m "${2:?a folder}")
    mkdir -p "$out"
    build
    cp "$target/mobile/stripped/$library" "$out/"
    generate kotlin "$out"
    ;;
  size)
    build
    bytes=$(stat -c %s "$target/mobile/stripped/$library" 2>/dev/null || stat -f %z "$target/mobile/stripped/$library")
    echo "size: ffi_stripped=$bytes"
    if [ "$bytes" -gt "$budget" ]; then
      echo "the library is over its budget of $budget bytes" >&2
      exit 1
    fi
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
