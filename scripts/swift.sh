#!/usr/bin/env bash
# Swift 6 for the iOS SDK. Uses the machine's own `swift` where it is 6 or newer; else (Debian, as root) Debian 13's, in a
# folder that it sets up once.
#
#   scripts/swift.sh setup                 Swift, and the library for sdk-ios
#   scripts/swift.sh build|test [...]      `swift build`, `swift test` of sdk-ios
#   scripts/swift.sh run PROGRAM [...]     a program that was built here
#   scripts/swift.sh cli                   builds examples/swift-cli
#   scripts/swift.sh run-cli [...]         runs it, in this process
#
# HEADWATER_SWIFT is the folder (default ~/.cache/headwater/swift-trixie), CARGO_TARGET_DIR where Rust builds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
root=$PWD
cache=${XDG_CACHE_HOME:-$HOME/.cache}/headwater
chroot=${HEADWATER_SWIFT:-$cache/swift-trixie}
build=$cache/swift-build

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
  swiftly swift "$1" --package-path "$root/$where" --scratch-path "$build/$name" "${@:2}"
}

library() {
  [ -n "${HEADWATER_LIBRARY_READY:-}" ] || scripts/ffi.sh swift
}

case "${1:-}" in
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
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
