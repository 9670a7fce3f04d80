#!/usr/bin/env bash
# The project's version. It stands in the root Cargo.toml; this script knows where else it is written.
#
#   scripts/version.sh             prints it
#   scripts/version.sh check       fails where a file has another
#   scripts/version.sh set X.Y.Z   writes it everywhere, lock files too
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

# File, and what stands before and after the version there (extended regular expressions).
places() {
  cat <<'END'
sdk-web/package.json|^  "version": "|"
sdk-web/src/index.ts|VERSION = 'npm:headwater-|'
sdk-web/src/core.ts|VERSION = 'core:headwater-|'
sdk-ios/Sources/Headwater/Platform/DeviceContext.swift|static let version = "|"
sdk-android/core/src/main/kotlin/io/headwater/analytics/internal/Binding.kt|const val VERSION: String = "|"
sdk-android/pom.xml|^  <version>|</version>
sdk-android/binding/pom.xml|^    <version>|</version>
sdk-android/core/pom.xml|^    <version>|</version>
sdk-android/coroutines/pom.xml|^    <version>|</version>
sdk-android/android/pom.xml|^    <version>|</version>
examples/kotlin-cli/pom.xml|^    <version>|</version>
benches/kotlin/pom.xml|^    <version>|</version>
examples/android/app/build.gradle.kts|analytics-android:|"
END
  # What one crate of ours asks of another.
  git ls-files '*Cargo.toml' | while read -r file; do
    if grep -qE '^headwater[a-z-]* = \{ path = .*version = "' "$file"; then
      echo "$file|^headwater[a-z-]* = \\{ path = \"[^\"]*\", version = \"|\""
    fi
  done
}

case "${1:-print}" in
  print) echo "$version" ;;
  check)
    wrong=0
    while IFS='|' read -r file before after; do
      found=$(grep -oE "($before)[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$after" "$file" || true)
      if [ -z "$found" ]; then
        echo "$file: no version after '$before'; mend the table in scripts/version.sh" >&2
        wrong=1
      fi
      while read -r line; do
        case $line in
          *"$version$after") ;;
          *) echo "$file: '$line' is not version $version; run scripts/version.sh set $version" >&2 && wrong=1 ;;
        esac
      done <<<"$found"
    done < <(places)
    [ "$wrong" = 0 ] && echo "version $version everywhere"
    exit "$wrong"
    ;;
  set)
    next=${2:?"the new version, as 0.2.0"}
    [[ $next =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || { echo "'$next' is no version: X.Y.Z or X.Y.Z-rc.1" >&2; exit 2; }
    sed -i "/^\[workspace.package\]/,/^\[/s/^version = \".*\"/version = \"$next\"/" Cargo.toml
    while IFS='|' read -r file before after; do
      sed -i -E "s~($before)[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*($after)~\1$next\2~" "$file"
    done < <(places)
    sed -i -E "1,10s/(\"version\": \")$version\"/\1$next\"/" sdk-web/package-lock.json
    cargo metadata --format-version 1 --offline >/dev/null
    "$0" check
    ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
