# Sourced: what suites in a browser need. `browser_package FOLDER` installs a folder's npm packages where they are not as
# its lock file says; `web_dist` builds the web package unless WEB_DIST names a build; `collector PROFILE` builds the
# collector (dev or release) unless HEADWATER_BIN names one.
# shellcheck shell=bash
. scripts/need.sh
need node nodejs
need npm npm
need chromium chromium
# A proxy of the machine's is not for loopback.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

browser_package() {
  if [ ! -d "$1/node_modules" ] || [ "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]; then
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
  fi
}
web_dist() {
  [ -n "${WEB_DIST:-}" ] || scripts/web.sh js
}
collector() {
  if [ -z "${HEADWATER_BIN:-}" ]; then
    cargo build --quiet --locked --profile "$1" --package headwater-collector
    local folder=${1/dev/debug}
    HEADWATER_BIN=$(realpath -m "${CARGO_TARGET_DIR:-target}")/$folder/headwater-collector
  fi
  export HEADWATER_BIN
}
