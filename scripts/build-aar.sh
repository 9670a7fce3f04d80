#!/usr/bin/env bash
# The AAR for apps: sdk-android/android/build/outputs/aar/android-release.aar. Needs an Android SDK and NDK (r27 or later), a
# JDK, Gradle, rustup, and `cargo install cargo-ndk`.
#
#   scripts/build-aar.sh              the native library for four ABIs, its generated Kotlin, the AAR
#   scripts/build-aar.sh check FILE…  fails where a library (.so) is not aligned for 16 KB pages
#   scripts/build-aar.sh --dry-run    says what it would run, on any system
#
# ANDROID_HOME, ANDROID_NDK_HOME: as the tools have them. ABIS: others than the four.
#
# Where this repository is tested there is neither SDK nor NDK: only --dry-run and check have been run.
set -euo pipefail
from=$PWD
cd "$(dirname "$0")/.."
abis=${ABIS:-arm64-v8a armeabi-v7a x86_64 x86}
out=sdk-android/android/build/jniLibs
# As android/build.gradle.kts.
api=21

# Google Play wants it of 64-bit code for Android 15 and later; NDK r28 does it by itself.
pages="-C link-arg=-Wl,-z,max-page-size=16384"

check() {
  local library bad=0
  for library in "$@"; do
    [ -f "$library" ] || { echo "$library is not there" >&2 && exit 1; }
    # 32-bit devices have pages of 4 KB.
    readelf --file-header "$library" | grep -q ELF64 || continue
    while read -r alignment; do
      [ $((alignment)) -ge 16384 ] || { echo "$library: a segment is aligned to $((alignment)), not to 16384" >&2 && bad=1; }
    done < <(readelf --program-headers --wide "$library" | awk '$1 == "LOAD" { print $NF }')
  done
  return $bad
}

build() {
  local targets=() abi
  for abi in $abis; do targets+=(--target "$abi"); done
  # The size first, unwinding kept: UniFFI turns a panic into an error.
  $run env RUSTFLAGS="${RUSTFLAGS:-} $pages" cargo ndk "${targets[@]}" --platform "$api" --output-dir "$out" \
    build --package headwater-ffi --profile mobile
  [ -n "$run" ] || check "$out"/*/libheadwater_ffi.so
  $run scripts/kotlin.sh binding
  $run gradle --project-dir sdk-android :android:assembleRelease
}

case "${1:-}" in
  '') run='' build ;;
  --dry-run) run='echo' build ;;
  check)
    shift
    cd "$from"
    check "$@"
    ;;
  *)
    sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
