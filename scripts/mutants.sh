#!/usr/bin/env bash
# Do the simulations notice when something is broken? Each file in tests/simulation/mutants and tests/hub-simulation/mutants
# names one way to break the code and the exact text to replace. Every one is applied to a copy of the repository, built and
# simulated until the first life that goes wrong. `scripts/mutants.sh [WORD...]` tries those whose path holds a word.
# Ends `mutants: tried=N caught=N`; fails unless all are caught. MUTANT_SEEDS (3000) bounds the search.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${MUTANT_SEEDS:-3000}
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# One target directory of its own for all of them: what does not change is built once. Little optimisation, since a
# mutant is built for some seconds of work.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/mutants
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_INCREMENTAL=1

# Touched while copying: what an earlier run built from the same text, mutated, is not up to date.
git ls-files -z | while IFS= read -r -d '' file; do
  [ ! -f "$file" ] || printf '%s\0' "$file"
done | tar --null --files-from=- -cf - | tar -xmf - -C "$copy"

# Applies a mutant, or with --undo takes it back. The text must be there exactly once.
replace() {
  python3 - "$copy" "$@" <<'PYTHON'
import pathlib, re, sys

root, file, undo = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), "--undo" in sys.argv
text = file.read_text()
blocks = re.findall(r"^path: ([^\n]+)\n--- old\n(.*?)\n?--- new\n(.*?)\n?--- end$", text, re.M | re.S)
if not blocks:
    sys.exit(f"{file.name}: holds no `path:`, `--- old`, `--- new`, `--- end`")
for path, old, new in blocks:
    target, kept = root / path, root / ".kept" / path
    if undo:
        if kept.exists():
            target.write_text(kept.read_text())
            kept.unlink()
        continue
    code = target.read_text()
    if code.count(old) != 1:
        sys.exit(f"stale mutant {file.name}: its text is {code.count(old)} times in {path}")
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(code)
    target.write_text(code.replace(old, new))
PYTHON
}

# The simulation that a mutant is for.
package_of() { [[ $1 == tests/hub-simulation/* ]] && echo headwater-hub-simulation || echo headwater-simulation; }

build() { (cd "$copy" && cargo build --quiet --release --package "$1" 2>&1); }
simulate() {
  case $1 in
    headwater-hub-simulation) "$CARGO_TARGET_DIR/release/headwater-hub-simulation" --seeds "$seeds" --stop 2>&1 ;;
    *) "$CARGO_TARGET_DIR/release/sim" --seeds "$seeds" 2>&1 ;;
  esac
}

chosen=()
for file in tests/simulation/mutants/*.mutant tests/hub-simulation/mutants/*.mutant; do
  wanted=$([ $# -eq 0 ] && echo yes || true)
  for word in "$@"; do [[ $file == *"$word"* ]] && wanted=yes; done
  [ -z "$wanted" ] || chosen+=("$file")
done

# What catches every mutant must let the code itself pass.
for package in $(for file in "${chosen[@]}"; do package_of "$file"; done | sort -u); do
  build "$package"
  out=$(simulate "$package") || { printf '%s\n' "$out"; echo "mutants: $package fails without any" >&2; exit 1; }
  printf '%s\n' "$out" | tail -1
done

tried=0
caught=0
stale=0
for file in "${chosen[@]}"; do
  package=$(package_of "$file")
  name=$(sed -n 's/^name: //p;1q' "$file")
  tried=$((tried + 1))
  if ! replace "$file"; then
    stale=$((stale + 1))
    replace "$file" --undo
    continue
  fi
  if ! out=$(build "$package"); then
    printf '%s\nDOES NOT BUILD  %s (%s)\n' "$out" "$name" "$file"
  elif out=$(simulate "$package"); then
    printf 'MISSED  %s (%s)\n' "$name" "$file"
  else
    caught=$((caught + 1))
    check=$(printf '%s\n' "$out" | sed -n '/^seed .* failed/{n;s/^ *//;s/^\(.\{110\}\).*/\1…/;p;q}')
    seed=$(printf '%s\n' "$out" | sed -n 's/^seed \([0-9]*\)\( failed\|:\).*/\1/p' | head -1)
    printf 'caught  %s\n        seed %s: %s\n' "$name" "${seed:-?}" "${check:-$(printf '%s\n' "$out" | head -1)}"
  fi
  replace "$file" --undo
done
echo "mutants: tried=$tried caught=$caught"
[ "$tried" -gt 0 ] && [ "$caught" -eq "$tried" ] && [ "$stale" -eq 0 ]
