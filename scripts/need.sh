# Sourced: `need COMMAND PACKAGE` installs a Debian package when its command is missing.
# shellcheck shell=bash
need() {
  command -v "$1" >/dev/null && return
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "installing $2" >&2
    apt-get install -y -qq --no-install-recommends "$2" >/dev/null 2>&1 ||
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$2" >/dev/null; }
  fi
  if ! command -v "$1" >/dev/null; then
    echo "'$1' is missing: install it (on Debian: apt-get install $2), then run this again." >&2
    exit 1
  fi
}
