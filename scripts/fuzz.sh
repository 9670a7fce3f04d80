#!/usr/bin/env bash
# Coverage-guided fuzzing on the stable toolchain: `scripts/fuzz.sh [SECONDS [TARGET...]]`, seconds for each target.
# Starts from tests/fuzz/corpus; finds stay in .cache/fuzz. A crash leaves its input there and fails.
set -euo pipefail
cd "$(dirname "$0")/../tests/fuzz"
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(json collector_decode store_recovery engine_state govern_fql govern_rules plan)

host=$(rustc -vV | sed -n 's/^host: //p')
target_dir=${CARGO_TARGET_DIR:-$PWD/../../target}/fuzz
# LLVM's own coverage passes and libFuzzer's runtime; neither needs a nightly compiler. Naming the target keeps the flags
# away from build scripts.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
cargo build --release --quiet --target "$host" --target-dir "$target_dir"

finds=$PWD/../../.cache/fuzz
failed=0
for name in "${targets[@]}"; do
  mkdir -p "$finds/$name"
  echo "── $name, $seconds s"
  log=$finds/$name.log
  if "$target_dir/$host/release/$name" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$finds/$name-" -print_final_stats=1 "$finds/$name" "corpus/$name" >"$log" 2>&1; then
    grep -E "^(stat::(number_of_executed_units|new_units_added)|#[0-9]+.*DONE)" "$log"
  else
    failed=$((failed + 1))
    tail -n 30 "$log" >&2
  fi
done
echo "fuzz: targets=${#targets[@]} failed=$failed"
[ "$failed" -eq 0 ]
