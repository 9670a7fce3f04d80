#!/usr/bin/env bash
# Swift 6 for the iOS SDK. Uses the machine's own `swift` where it is 6 or newer; else (Debian, as root) Debian 13's, in a
# folder that it sets up once.
#
#   scripts/swift.sh setup                 Swift, and the library for sdk-ios
#   scripts/swift.sh build|test [...]      `swift build`, `swift test` of sdk-ios
#   scripts/swift.sh apple                 type-checks the code for Apple's systems and the sketch of examples/ios, after
#                                          sdk-ios/Tests/AppleDeclarations
#   scripts/swift.sh docs [FOLDER]         the DocC archive, without a warning; fails where a public name says nothing
#   scripts/swift.sh manifest              Package.swift takes the XCFramework where there is one, else the library
#   scripts/swift.sh run PROGRAM [...]     a program that was built here
#   scripts/swift.sh cli                   builds examples/swift-cli
#   scripts/swift.sh run-cli [...]         runs it, in this process
#
# HEADWATER_SWIFT is the folder (default ~/.cache/headwater/swift-trixie), HEADWATER_SWIFT_BUILD where Swift builds,
# CARGO_TARGET_DIR where Rust does.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
root=$PWD
cache=${XDG_CACHE_HOME:-$HOME/.cache}/headwater
chroot=${HEADWATER_SWIFT:-$cache/swift-trixie}
build=${HEADWATER_SWIFT_BUILD:-$cache/swift-build}

native() { command -v swift >/dev/null && swift --version 2>/dev/null | grep -qE 'Swift version ([6-9]|[1-9][0-9])\.'; }

setup() {
  native && return
  [ -e "$chroot/.ready" ] && return
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "Swift 6 is missing: https://www.swift.org/install" >&2
    exit 1
  fi
  need debootstrap debootstrap
  local mirror
  mirror=$(sed -nE 's/^(URIs:|deb) +(\[[^]]*\] +)?(https?:[^ ]*\/debian)\/?( .*)?$/\3/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1 || true)
  echo "setting up Swift in $chroot" >&2
  rm -rf --one-file-system "$chroot"
  mkdir -p "$chroot"
  debootstrap --variant=minbase trixie "$chroot" "${mirror:-http://deb.debian.org/debian}" >"$chroot.log" 2>&1 ||
    { tail -20 "$chroot.log" >&2; exit 1; }
  for file in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf; do
    if [ -e "$file" ]; then cp "$file" "$chroot/etc/apt/apt.conf.d/"; fi
  done
  inside /bin/sh -c 'export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends swiftlang libc6-dev' >>"$chroot.log" 2>&1 ||
    { tail -20 "$chroot.log" >&2; exit 1; }
  touch "$chroot/.ready"
}

# Runs a command in the folder, in this process and in a mount namespace of its own: nothing stays mounted. The repository,
# the build folder and /tmp are where they are outside.
inside() {
  exec_inside='
    set -e
    chroot=$1 work=$2 build=$3; shift 3
    for place in /proc /dev; do mount --rbind "$place" "$chroot$place"; done
    for place in /tmp "$work" "$build"; do
      mkdir -p "$place" "$chroot$place"
      mount --bind "$place" "$chroot$place"
    done
    exec chroot "$chroot" /bin/sh -c '\''cd "$1"; shift; exec "$@"'\'' sh "$work" "$@"'
  ${replace:+exec} unshare --mount /bin/bash -c "$exec_inside" bash "$chroot" "$root" "$build" "$@"
}

swiftly() { # command and its arguments
  if native; then "$@"; else inside /usr/bin/env HOME="$build/home" "$@"; fi
}

package() { # package, command, arguments...
  local where=$1 name
  shift
  name=$(basename "$where")
  mkdir -p "$build/home"
  # Always the same flags: others would build everything again.
  swiftly swift "$1" --package-path "$root/$where" --scratch-path "$build/$name" -Xswiftc -warnings-as-errors "${@:2}"
}

library() {
  [ -n "${HEADWATER_LIBRARY_READY:-}" ] || scripts/ffi.sh swift
}

# The sources with the conditions of one of Apple's systems. What only Apple's Foundation has is declared, too.
apple() {
  local modules=$build/sdk-ios/debug/Modules declared=$root/sdk-ios/Tests/AppleDeclarations work=$build/apple
  local compile=(swiftc -swift-version 6 -warnings-as-errors -I "$modules" -I "$root/sdk-ios/Library/headwaterFFI")
  rm -rf "$work"
  local frameworks framework platform
  for platform in iOS tvOS visionOS watchOS macOS; do
    mkdir -p "$work/$platform/frameworks"
    case $platform in
      macOS) frameworks=(AppKit Network) ;;
      watchOS) frameworks=(WatchKit Network) ;;
      *) frameworks=(UIKit Network) ;;
    esac
    for framework in "${frameworks[@]}"; do
      swiftly swiftc -swift-version 6 -emit-module -parse-as-library -module-name "$framework" \
        -o "$work/$platform/frameworks/$framework.swiftmodule" "$declared/$framework.swift"
    done
    cp -r sdk-ios/Sources/Headwater "$work/$platform/sources"
    find "$work/$platform/sources" -name '*.swift' -exec sed -i -E \
      -e 's/os\((iOS|tvOS|visionOS|watchOS|macOS)\)/PLATFORM_\1/g' -e 's/canImport\(Darwin\)/PLATFORM_DARWIN/g' {} +
    find "$work/$platform/sources" "$declared/Darwin.swift" -name '*.swift' >"$work/$platform/files"
    swiftly "${compile[@]}" -typecheck -parse-as-library -module-name Headwater -D "PLATFORM_$platform" -D PLATFORM_DARWIN \
      -I "$work/$platform/frameworks" "@$work/$platform/files"
    echo "apple: the package type-checks for $platform"
  done
  swiftly "${compile[@]}" -typecheck -parse-as-library -module-name Sketch -I "$work/iOS/frameworks" \
    "$root"/examples/ios/Sketch/*.swift
  echo "apple: the sketch of an iOS app type-checks"
}

# What the compiler says of the package's public names, and from that the archive.
docs() {
  local out=${1:-$build/Headwater.doccarchive} graphs silent
  need jq jq
  rm -rf "$out"
  package sdk-ios package dump-symbol-graph --minimum-access-level public --skip-synthesized-members >/dev/null
  graphs=$(find "$build/sdk-ios/" -path '*symbolgraph' -type d | head -1)
  silent=$(jq -r '.symbols[] | select(.docComment == null) | .pathComponents | join(".")' \
    "$graphs/Headwater.symbols.json" | sort -u)
  if [ -n "$silent" ]; then
    echo "public names without a word on them:" >&2
    echo "$silent" >&2
    exit 1
  fi
  mkdir -p "$build/graphs"
  cp "$graphs"/Headwater*.symbols.json "$build/graphs/"
  local docc=docc
  native || docc=/usr/libexec/swift/bin/docc
  swiftly "$docc" convert "$root/sdk-ios/Sources/Headwater/Headwater.docc" --additional-symbol-graph-dir "$build/graphs" \
    --fallback-display-name Headwater --fallback-bundle-identifier dev.headwater --warnings-as-errors --output-path "$out"
  # What the README shows is type-checked.
  { echo 'func shown() async {' && sed -n '/^```swift$/,/^```$/p' sdk-ios/README.md | grep -v -e '^```' -e '^import' && echo '}'; } |
    sed '1i import Headwater' >"$build/README.swift"
  swiftly swiftc -swift-version 6 -warnings-as-errors -typecheck -parse-as-library -I "$build/sdk-ios/debug/Modules" \
    -I "$root/sdk-ios/Library/headwaterFFI" "$build/README.swift"
  echo "docs: $(find "$out/data/documentation" -name '*.json' | wc -l) pages in $out"
}

manifest() {
  local work=$build/manifest kind
  need jq jq
  rm -rf "$work" && mkdir -p "$work/binary/HeadwaterFFI.xcframework" "$work/source"
  for kind in binary source; do
    cp sdk-ios/Package.swift "$work/$kind/"
    swiftly swift package --package-path "$work/$kind" --scratch-path "$build/manifest-scratch" dump-package |
      jq -r '.targets[] | select(.name == "headwaterFFI") | .type' >"$work/$kind.type"
  done
  if [ "$(cat "$work/binary.type") $(cat "$work/source.type")" != "binary system" ]; then
    echo "Package.swift: headwaterFFI is $(cat "$work/binary.type") with an XCFramework, $(cat "$work/source.type") without" >&2
    exit 1
  fi
  echo "manifest: a binary target with an XCFramework, the system library without"
}

case "${1:-}" in
  manifest)
    setup
    manifest
    ;;
  apple)
    setup
    library
    package sdk-ios build >/dev/null
    apple
    ;;
  docs)
    setup
    library
    docs "${@:2}"
    ;;
  setup)
    setup
    library
    ;;
  build | test)
    setup
    library
    package sdk-ios "$@"
    ;;
  cli)
    setup
    library
    package examples/swift-cli build -c release >&2
    echo "$build/swift-cli/release/headwater-swift-cli" >&2
    ;;
  run | run-cli)
    if [ "$1" = run-cli ]; then set -- "$1" "$build/swift-cli/release/headwater-swift-cli" "${@:2}"; fi
    shift
    # Signals must reach the program: it takes this process's place.
    if native; then exec "$@"; fi
    replace=1
    inside "$@"
    ;;
  *)
    sed -n '2,17s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
