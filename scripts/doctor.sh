#!/usr/bin/env bash
# What the commands of this repository need, what is there, and how to get the rest. `make setup` installs it on Debian and
# Ubuntu. Suites install what they need by themselves there; nobody has to run this first.
#
#   scripts/doctor.sh           prints a table; fails when what `make demo` needs is missing
#   scripts/doctor.sh --setup   installs Debian's packages that are missing, as root
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# Command, Debian package, and what needs it.
tools() {
  cat <<'END'
cargo|-|everything: https://rustup.rs, 1.89 or newer (1.90 for the hub)
cc|build-essential|everything: SQLite is compiled
make|make|the commands' short names
python3|python3|lint, mutants, Segment's Python SDK in the tests
node|nodejs|the web package (20 or newer)
npm|npm|the web package
chromium|chromium|the web SDK in a browser, the live page
firefox-esr|firefox-esr|the web SDK in a second browser
java|openjdk-17-jdk-headless|the Kotlin library
mvn|maven|the Kotlin library
debootstrap|debootstrap|the Swift package on Linux
shellcheck|shellcheck|lint of the scripts
END
}

missing=()
needed=0
while IFS='|' read -r command package why; do
  if command -v "$command" >/dev/null; then
    case $command in
      java) version=$("$command" -version 2>&1 | head -n 1) ;;
      mvn) version=$("$command" --batch-mode --version 2>/dev/null | head -n 1) ;;
      *) version=$("$command" --version 2>/dev/null | head -n 1) ;;
    esac
    printf 'ok       %-12s %s\n' "$command" "${version:0:60}"
  else
    printf 'missing  %-12s %s\n' "$command" "$why"
    [ "$package" = - ] || missing+=("$package")
    case $command in cargo | cc) needed=1 ;; esac
  fi
done < <(tools)

if [ ${#missing[@]} -eq 0 ]; then
  echo "All of it is there."
elif [ "${1:-}" = --setup ]; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "Only Debian's packages can be installed from here, and only by root. Install yourself: ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}"
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || exit 1
  exec "$0"
else
  echo "To get the rest on Debian or Ubuntu: make setup (as root), or apt-get install ${missing[*]}"
fi
exit "$needed"
