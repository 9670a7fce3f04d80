#!/usr/bin/env bash
# A release without publishing anything: checks the version and the changelog, packs every package and lists what a real
# release would do, in order. docs/release.md says who runs the real one.
#
#   scripts/release.sh          all of it
#   scripts/release.sh crates   the crates alone (npm, maven: likewise)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh

part=${1:-all}
version=$(scripts/version.sh)
scripts/version.sh check

# A release has a heading of its own.
if [[ $version != *-* ]] && ! grep -qF "## [$version]" CHANGELOG.md; then
  echo "note: CHANGELOG.md has no heading '## [$version]' yet; a real release needs it" >&2
fi

case $part in
  all | crates)
    echo "── crates.io"
    # Packs every public crate as it would be uploaded; does not compile it again.
    packed=$(cargo publish --workspace --dry-run --no-verify --allow-dirty 2>&1) || { echo "$packed" >&2; exit 1; }
    grep -E '^ +Packag(ing|ed)' <<<"$packed"
    ;;&
  all | npm)
    echo "── npm"
    need npm npm
    [ -e sdk-web/dist/index.js ] || scripts/web.sh js
    (cd sdk-web && npm pack --dry-run --loglevel=error)
    ;;&
  all | maven)
    echo "── Maven Central"
    scripts/outside.sh poms
    ;;&
  all)
    cat <<END
── a real release of $version would now
  1. tag v$version and push the tag
  2. cargo publish --workspace
  3. npm publish ./sdk-web --provenance --access public
  4. mvn -f sdk-android/pom.xml deploy -Prelease
  5. scripts/build-xcframework.sh, the archive and its checksum into the release, the checksum into Package.swift
  6. docker build --tag headwater:$version . and push it
nothing was published
END
    ;;
  crates | npm | maven) ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
