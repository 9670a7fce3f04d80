# Sourced: `run NAME MINUTES COMMAND...` runs a suite, prints its seconds and notes whether it passed; `totals` prints how many
# did, names those that failed, and fails if there are any. SLOWER=2 doubles the ceilings, for a slower machine.
# shellcheck shell=bash

record=$(mktemp -d)
beside=
# Ends the suites that run, if this script is ended, and what they started.
finish() {
  local running
  [ -z "$beside" ] || kill -TERM "$beside" 2>/dev/null
  for running in "$record"/running.*; do
    [ ! -e "$running" ] || kill -TERM "$(cat "$running")" 2>/dev/null
  done
  rm -rf "$record"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A suite that takes longer than its ceiling has failed: some three times what it takes cold on 2 quiet cores.
run() { # name, ceiling in minutes, command...
  local name=$1 ceiling=$(($2 * ${SLOWER:-1})) start=$SECONDS code=0
  shift 2
  echo "── $name"
  timeout --kill-after=30 "${ceiling}m" "$@" &
  echo $! >"$record/running.$BASHPID"
  wait $! || code=$?
  rm -f "$record/running.$BASHPID"
  if [ "$code" -eq 0 ]; then
    echo "── $name: ok, $((SECONDS - start)) s"
    echo "$name" >>"$record/passed"
  else
    [ "$code" -ne 124 ] || echo "── $name: stopped, it took longer than its ceiling of $ceiling minutes" >&2
    echo "── $name: FAILED, $((SECONDS - start)) s" >&2
    echo "$name" >>"$record/failed"
  fi
}

count() { if [ -e "$record/$1" ]; then wc -l <"$record/$1"; else echo 0; fi; }

totals() {
  [ ! -e "$record/failed" ] || sed 's/^/failed: /' "$record/failed" >&2
  echo "suites: $(count passed) passed, $(count failed) failed"
  [ ! -e "$record/failed" ]
}
