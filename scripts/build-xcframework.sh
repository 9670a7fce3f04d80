#!/usr/bin/env bash
# HeadwaterFFI.xcframework for apps, beside sdk-ios/Package.swift, which uses it when it is there. Needs macOS with Xcode
# and rustup. It has not been run where the rest of this repository is tested (Linux).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(uname -s)" != Darwin ]; then
  echo "an XCFramework can only be built on macOS, with Xcode" >&2
  exit 1
fi
target=${CARGO_TARGET_DIR:-target}
out=sdk-ios/HeadwaterFFI.xcframework

targets=(aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin x86_64-apple-darwin)
rustup target add "${targets[@]}"
export IPHONEOS_DEPLOYMENT_TARGET=13.0 MACOSX_DEPLOYMENT_TARGET=10.15
for triple in "${targets[@]}"; do
  cargo build --quiet --package headwater-ffi --profile mobile --target "$triple"
done

# The Swift source and the C header are the same for all.
scripts/ffi.sh swift sdk-ios/Library
headers=$target/xcframework/headers
mkdir -p "$headers"
cp sdk-ios/Library/headwaterFFI/headwaterFFI.h "$headers/"
printf 'module headwaterFFI {\n    header "headwaterFFI.h"\n    export *\n}\n' >"$headers/module.modulemap"

join() { # name, triples...
  mkdir -p "$target/xcframework/$1"
  local libraries=()
  for triple in "${@:2}"; do libraries+=("$target/$triple/mobile/libheadwater_ffi.a"); done
  lipo -create "${libraries[@]}" -output "$target/xcframework/$1/libheadwater_ffi.a"
}
join simulator aarch64-apple-ios-sim x86_64-apple-ios
join macos aarch64-apple-darwin x86_64-apple-darwin

rm -rf "$out"
xcodebuild -create-xcframework \
  -library "$target/aarch64-apple-ios/mobile/libheadwater_ffi.a" -headers "$headers" \
  -library "$target/xcframework/simulator/libheadwater_ffi.a" -headers "$headers" \
  -library "$target/xcframework/macos/libheadwater_ffi.a" -headers "$headers" \
  -output "$out"
echo "$out"
