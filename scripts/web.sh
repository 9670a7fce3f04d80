#!/usr/bin/env bash
# The engine for browsers. Installs what is missing (Debian, as root).
#
#   scripts/web.sh wasm            builds sdk-web/wasm: headwater_lite.wasm, headwater_bg.wasm, the same as text (lite.js,
#                                  full.js), unpack.js, glue.js, headwater.wasm2js.js
#   scripts/web.sh size            what the build weighs; VERBOSE=1: by crate and by function
#   scripts/web.sh test            builds, then runs the engine in Node
#   scripts/web.sh js              builds sdk-web/dist, the npm package, and sdk-web/wasm where it is missing or stale
#   scripts/web.sh weigh           what the package weighs, file by file; fails over its budgets
#   scripts/web.sh check           types, lint and unit tests of the package
#   scripts/web.sh lint | fmt      the package's lint alone; formats it
#
# CARGO_TARGET_DIR is where Rust builds (default target/).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
root=$PWD
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
binding=$root/bindings/wasm
out=$root/sdk-web/wasm

# A compiler that can build its own standard library for WebAssembly: rustup's where it has target and sources, else
# Debian's. Sets RUSTC, CARGO and `flags`.
toolchain() {
  local sysroot
  sysroot=$(rustc --print sysroot 2>/dev/null || true)
  if [ -d "$sysroot/lib/rustlib/wasm32-unknown-unknown" ] && [ -d "$sysroot/lib/rustlib/src/rust/library" ]; then
    export RUSTC=rustc CARGO=cargo
  elif command -v apt-get >/dev/null; then
    if ! [ -d "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library" ] || ! [ -x /usr/bin/cargo ]; then
      echo "installing rustc-web" >&2
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends rustc-web cargo-web rust-web-src rust-web-llvm; } >/dev/null
    fi
    need wasm-ld lld
    export RUSTC=/usr/bin/rustc CARGO=/usr/bin/cargo CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld
  else
    echo "Rust for WebAssembly is missing: rustup target add wasm32-unknown-unknown && rustup component add rust-src" >&2
    exit 1
  fi
}

node_modules() {
  need node nodejs
  need npm npm
  if [ ! -d "$binding/node_modules" ] || [ "$binding/package-lock.json" -nt "$binding/node_modules/.package-lock.json" ]; then
    (cd "$binding" && npm ci --no-audit --no-fund --loglevel=error)
  fi
}

# Panics abort without a text, and nothing formats for debugging: a trap is a trap, the host starts a new engine. Of what
# came after the first WebAssembly, three things that make code smaller and that every browser has had since 2021; older
# ones, as wasm2js, get the same engine in JavaScript.
export_flags() {
  export RUSTC_BOOTSTRAP=1
  export RUSTFLAGS="-Cpanic=immediate-abort -Zunstable-options -Zlocation-detail=none -Zfmt-debug=none -Ctarget-cpu=mvp"
  RUSTFLAGS+=" -Ctarget-feature=+bulk-memory,+sign-ext,+nontrapping-fptoint"
}
# Named one by one: all features at once make wasm-opt emit types that Node 20 refuses.
features=(--mvp-features --enable-bulk-memory --enable-bulk-memory-opt --enable-sign-ext --enable-nontrapping-float-to-int)
# Fewer functions folded into their only caller, and control flow built anew from flat code: larger, but what brotli makes
# of it is smaller. The lowest kilobyte is the end of the stack.
shrink=(-ocimfs=30 --low-memory-unused -Oz --flatten --rereloop -Oz -Oz)
lower=(--llvm-memory-copy-fill-lowering --signext-lowering --llvm-nontrapping-fptoint-lowering)

# compile [--no-default-features]
compile() {
  toolchain
  (
    export_flags
    CARGO_TARGET_DIR=$target/web "$CARGO" build --quiet --locked --package headwater-wasm --profile web --target wasm32-unknown-unknown \
      -Z build-std=std,panic_abort -Z build-std-features=optimize_for_size "$@"
  )
  # The host's own compiler builds the tool.
  (
    unset RUSTC CARGO
    CARGO_TARGET_DIR=$target/web-tools cargo build --quiet --locked --release --manifest-path "$binding/bindgen/Cargo.toml"
  )
}

# build NAME [--no-default-features]
build() {
  local name=$1 bin=$binding/node_modules/.bin work=$target/web/$1
  shift
  compile "$@"
  rm -rf "$work"
  mkdir -p "$work" "$out"
  "$target/web-tools/release/headwater-wasm-bindgen" "$target/web/wasm32-unknown-unknown/web/headwater_wasm.wasm" "$work"
  # Twice, since names that are taken out of the result leave it larger than names that were never there.
  "$bin/wasm-opt" "${features[@]}" "${shrink[@]}" "$work/headwater_bg.wasm" -o "$work/named.wasm" --debuginfo
  "$bin/wasm-opt" "${features[@]}" "${shrink[@]}" --strip-debug --strip-producers --strip-target-features \
    "$work/headwater_bg.wasm" -o "$out/headwater_$name.wasm"
}

# The full engine, and what most pages load.
wasm() {
  node_modules
  build bg
  build lite --no-default-features
  local bin=$binding/node_modules/.bin
  local work=$target/web/bg
  "$bin/wasm-opt" "${features[@]}" "${lower[@]}" -Oz "$out/headwater_bg.wasm" -o "$work/mvp.wasm"
  "$bin/wasm2js" -Oz "$work/mvp.wasm" -o "$work/asm.js"
  node "$binding/js/fallback.mjs" "$work/asm.js" >"$out/headwater.wasm2js.js"
  node "$binding/js/pack.mjs" "$out/headwater_lite.wasm" "$out/lite.js"
  node "$binding/js/pack.mjs" "$out/headwater_bg.wasm" "$out/full.js"
  printf 'export const packed: readonly string[];\n' | tee "$out/lite.d.ts" >"$out/full.d.ts"
  cp "$binding"/js/{glue,unpack}.{js,d.ts} "$out/"
  printf 'export { Engine } from "./glue.js";\n' >"$out/headwater.wasm2js.d.ts"
  printf '*\n' >"$out/.gitignore"
  sources >"$out/.sources"
}

# Whether the build is of these sources: the list of their hashes lies beside it. (`git ls-files` is not asked: a source
# that is not committed yet counts, too.)
sources() {
  find core/model core/govern core/engine "$binding" Cargo.toml Cargo.lock scripts/web.sh -type f \
    -not -path '*/node_modules/*' -not -path '*/target/*' -not -path '*/tests/*' -not -name '*.md' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sed "s#$root/##" | sha256sum
}
current() {
  [ -f "$out/lite.js" ] && [ "$(cat "$out/.sources" 2>/dev/null)" = "$(sources)" ]
}

size() {
  current || wasm
  local name
  for name in bg lite; do
    echo "headwater_$name.wasm"
    node "$binding/js/size.mjs" "$out/headwater_$name.wasm" "$target/web/$name/named.wasm"
  done
}

package=$root/sdk-web
package_modules() {
  need node nodejs
  need npm npm
  current || wasm
  if [ ! -d "$package/node_modules" ] || [ "$package/package-lock.json" -nt "$package/node_modules/.package-lock.json" ]; then
    (cd "$package" && npm ci --no-audit --no-fund --loglevel=error)
  fi
}

case ${1:-} in
  wasm) wasm ;;
  js | weigh | check | lint | fmt)
    package_modules
    cd "$package"
    case $1 in
      js) node build.mjs ;;
      weigh) node build.mjs size ;;
      lint) node_modules/.bin/biome check --error-on-warnings . ;;
      fmt) node_modules/.bin/biome check --write . ;;
      check)
        npm run --silent check
        npm test --silent
        ;;
    esac
    ;;
  size) size ;;
  test)
    wasm
    node --test "$binding"/tests/*.test.mjs
    ;;
  *)
    sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
