#!/usr/bin/env bash
# The Kotlin library, with Maven. Installs a JDK and Maven where they are missing (Debian, as root).
#
#   scripts/kotlin.sh setup                the JDK, Maven
#   scripts/kotlin.sh binding              the library and its generated Kotlin, into sdk-android/binding/target/generated
#   scripts/kotlin.sh mvn [...]            Maven in sdk-android
#   scripts/kotlin.sh cli                  builds examples/kotlin-cli
#   scripts/kotlin.sh run-cli [...]        runs it, in this process
#   scripts/kotlin.sh bench                BENCH lines (benches/kotlin)
#
# CARGO_TARGET_DIR is where Rust builds. HEADWATER_LIBRARY_READY=1: the binding is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
root=$PWD
cli=$root/examples/kotlin-cli/target

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

# Its modules in Maven's own folder, where examples and benchmarks find them.
library() {
  maven sdk-android --projects .,binding,core install -DskipTests
}

case "${1:-}" in
  setup) setup ;;
  binding) binding ;;
  mvn)
    shift
    maven sdk-android "$@"
    ;;
  cli)
    library >&2
    maven examples/kotlin-cli package >&2
    # What the JVM knows of the classes, kept: halves its start, and there are 227 scenarios.
    rm -f "$cli/classes.jsa"
    java -Xshare:auto -XX:ArchiveClassesAtExit="$cli/classes.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off \
      -cp "$cli/*:$cli/lib/*" MainKt --input \
      '{"writeKey":"k","apiHost":"http://127.0.0.1:9","config":{"timeout":0},"sequences":[{"events":[{"type":"track","event":"a","userId":"u"}]}]}' \
      >/dev/null 2>&1 || true
    ;;
  bench)
    library >&2
    maven benches/kotlin package >&2
    java -cp "$root/benches/kotlin/target/*:$root/benches/kotlin/target/lib/*" MainKt
    ;;
  run-cli)
    shift
    # Signals must reach the program: it takes this process's place.
    exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -XX:SharedArchiveFile="$cli/classes.jsa" -Xlog:disable \
      -cp "$cli/*:$cli/lib/*" MainKt "$@"
    ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
