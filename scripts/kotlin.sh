#!/usr/bin/env bash
# The Kotlin library, with Maven. Installs a JDK and Maven where they are missing (Debian, as root).
#
#   scripts/kotlin.sh setup                the JDK, Maven
#   scripts/kotlin.sh binding              the library and its generated Kotlin, into sdk-android/binding/target/generated
#   scripts/kotlin.sh mvn [...]            Maven in sdk-android
#
# CARGO_TARGET_DIR is where Rust builds. HEADWATER_LIBRARY_READY=1: the binding is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
root=$PWD

setup() {
  command -v javac >/dev/null || need javac openjdk-17-jdk-headless
  command -v mvn >/dev/null || need mvn maven
}

# {os}-{architecture} as JNA names them.
platform() {
  local os architecture
  case $(uname -s) in Darwin) os=darwin ;; *) os=linux ;; esac
  case $(uname -m) in x86_64 | amd64) architecture=x86-64 ;; arm64) architecture=aarch64 ;; *) architecture=$(uname -m) ;; esac
  echo "$os-$architecture"
}

# Only what changed, so that Kotlin does not build again what it has.
binding() {
  local out=$root/sdk-android/binding/target/generated library
  if [ -n "${HEADWATER_LIBRARY_READY:-}" ] && [ -d "$out/kotlin" ]; then return; fi
  new=$(mktemp -d)
  trap 'rm -rf "$new"' EXIT
  scripts/ffi.sh kotlin "$new"
  mkdir -p "$out/kotlin" "$out/resources/$(platform)"
  cmp -s "$new/uniffi/headwater/headwater.kt" "$out/kotlin/headwater.kt" ||
    cp "$new/uniffi/headwater/headwater.kt" "$out/kotlin/headwater.kt"
  library=$(ls "$new"/libheadwater_ffi.*)
  cmp -s "$library" "$out/resources/$(platform)/$(basename "$library")" || cp "$library" "$out/resources/$(platform)/"
}

maven() { # in a folder, quietly
  local folder=$1
  shift
  setup
  mvn --batch-mode --no-transfer-progress --quiet --file "$root/$folder/pom.xml" "$@"
}

case "${1:-}" in
  setup) setup ;;
  binding) binding ;;
  mvn)
    shift
    maven sdk-android "$@"
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
