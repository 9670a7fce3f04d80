#!/usr/bin/env bash
# HeadwaterFFI.xcframework for apps, beside sdk-ios/Package.swift, which uses it when it is there. Needs macOS with Xcode
# and rustup.
#
#   scripts/build-xcframework.sh              iOS, its simulator, Mac Catalyst and macOS
#   scripts/build-xcframework.sh --all        tvOS, watchOS and visionOS as well: Rust builds its standard library for them,
#                                             so a nightly toolchain with rust-src is needed (NIGHTLY=nightly)
#   scripts/build-xcframework.sh --dry-run    says what it would run, on any system
#
# Where this repository is tested (Linux) only --dry-run has been run.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
out=sdk-ios/HeadwaterFFI.xcframework
all='' dry=''
for argument in "$@"; do
  case $argument in
    --all) all=1 ;;
    --dry-run) dry=1 ;;
    *)
      sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
      exit 2
      ;;
  esac
done
if [ -z "$dry" ] && [ "$(uname -s)" != Darwin ]; then
  echo "an XCFramework can only be built on macOS, with Xcode (--dry-run says what would be run)" >&2
  exit 1
fi

run() {
  if [ -n "$dry" ]; then echo "$*"; else "$@"; fi
}

# Each line: a slice of the framework, and the targets that are one library in it. Two slices of one system are told apart
# by Xcode from the libraries themselves.
slices() {
  cat <<'EOF'
ios aarch64-apple-ios
ios-simulator aarch64-apple-ios-sim x86_64-apple-ios
catalyst aarch64-apple-ios-macabi x86_64-apple-ios-macabi
macos aarch64-apple-darwin x86_64-apple-darwin
EOF
  [ -z "$all" ] || cat <<'EOF'
tvos aarch64-apple-tvos
tvos-simulator aarch64-apple-tvos-sim x86_64-apple-tvos
watchos aarch64-apple-watchos arm64_32-apple-watchos
watchos-simulator aarch64-apple-watchos-sim x86_64-apple-watchos-sim
visionos aarch64-apple-visionos
visionos-simulator aarch64-apple-visionos-sim
EOF
}

library() { echo "$target/$1/mobile/libheadwater_ffi.a"; }

build() { # triple
  case $1 in
    *tvos* | *watchos* | *visionos*)
      run cargo "+${NIGHTLY:-nightly}" build --quiet --package headwater-ffi --profile mobile --target "$1" \
        -Z build-std=std,panic_unwind
      ;;
    *)
      run rustup target add "$1"
      run cargo build --quiet --package headwater-ffi --profile mobile --target "$1"
      ;;
  esac
}

# The systems of sdk-ios/Package.swift.
export IPHONEOS_DEPLOYMENT_TARGET=13.0 MACOSX_DEPLOYMENT_TARGET=10.15 TVOS_DEPLOYMENT_TARGET=13.0 \
  WATCHOS_DEPLOYMENT_TARGET=7.0 XROS_DEPLOYMENT_TARGET=1.0

# The Swift source and the C header are the same for all.
run scripts/ffi.sh swift sdk-ios/Library
headers=$target/xcframework/headers
run mkdir -p "$headers"
run cp sdk-ios/Library/headwaterFFI/headwaterFFI.h "$headers/"
module=$(printf 'module headwaterFFI {\n    header "headwaterFFI.h"\n    export *\n}')
[ -n "$dry" ] || echo "$module" >"$headers/module.modulemap"

arguments=()
while read -r slice triples; do
  libraries=()
  for triple in $triples; do
    build "$triple"
    libraries+=("$(library "$triple")")
  done
  joined=$target/xcframework/$slice/libheadwater_ffi.a
  run mkdir -p "$target/xcframework/$slice"
  run lipo -create "${libraries[@]}" -output "$joined"
  arguments+=(-library "$joined" -headers "$headers")
done < <(slices)

run rm -rf "$out"
run xcodebuild -create-xcframework "${arguments[@]}" -output "$out"
echo "$out"
