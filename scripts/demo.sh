#!/bin/sh
# make demo: a hub, a recorded evening through the SDK over a link that breaks, and where the events arrived: in the log,
# at a destination, as rows, in profiles.
#
#   PORT=8765     where the page is
#   ONESHOT=1     a free port, no waiting; ends with the demo's exit code
#   WEB=1         builds the web package first (needs node) and opens a shop page that uses it, SHOP_PORT=8766
#   DEMO_ARGS=…   options for the shop, as in `shop --help`
set -eu
cd "$(dirname "$0")/.."

oneshot=${ONESHOT:-}
port=${PORT:-8765}
collector=
echo=
shop=
store=
data=

say() { printf '%s\n' "$*"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# Ends what was started here, and nothing else.
finish() {
    code=$?
    trap - EXIT INT TERM HUP
    for process in $shop $store $collector $echo; do
        kill -TERM "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    if [ -n "$oneshot" ] && [ -n "$data" ]; then rm -rf "$data"; fi
    if [ -n "$collector" ]; then rm -f "$data/collector.pid"; fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if ! command -v cargo >/dev/null 2>&1; then
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH="$HOME/.cargo/bin:$PATH"
    else
        fail "cargo is missing. Get Rust from https://rustup.rs (one command), open a new terminal, run make demo again."
    fi
fi

if [ -n "${WEB:-}" ]; then scripts/web.sh js; fi

# The debug profile: it starts after a third of the release profile's build time, and the demo waits for a link anyway.
say "Building the hub and the demo (the first time takes a few minutes)"
building=$(date +%s)
cargo build --locked -p headwater-server -p shop
say "built in $(($(date +%s) - building)) s"
target=${CARGO_TARGET_DIR:-target}/debug

mkdir -p .headwater
if [ -n "$oneshot" ]; then
    data=$(mktemp -d .headwater/oneshot.XXXXXX)
    port=0
else
    data=.headwater/demo
    mkdir -p "$data"
    # A collector of another demo still holds the folder: leave it alone.
    if [ -f "$data/collector.pid" ] && kill -0 "$(cat "$data/collector.pid")" 2>/dev/null; then
        fail "another demo is running, as process $(cat "$data/collector.pid"): end it with Ctrl-C there."
    fi
    rm -rf "$data"
    mkdir -p "$data"
fi

# The destination: shows what arrives.
"$target/headwater" echo --port 0 --quiet >"$data/echo.out" 2>"$data/echo.log" &
echo=$!
echo_url=
tries=0
while [ -z "$echo_url" ]; do
    echo_url=$(sed -n 's/^listening on //p' "$data/echo.out" | head -n 1)
    if [ -n "$echo_url" ]; then break; fi
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ]; then fail "the destination does not answer; see $data/echo.log"; fi
    sleep 0.1
done

ECHO_URL="$echo_url/hook" "$target/headwater" dev --workspace examples/hub --port "$port" --data "$data/events" \
    >"$data/collector.out" 2>"$data/collector.log" &
collector=$!
say "$collector" >"$data/collector.pid"

url=
tries=0
while [ -z "$url" ]; do
    url=$(sed -n 's/^listening on //p' "$data/collector.out" | head -n 1)
    if [ -n "$url" ]; then break; fi
    if ! kill -0 "$collector" 2>/dev/null; then
        collector=
        if grep -qi 'listen\|in use' "$data/collector.log"; then
            owner=$( (ss -Hltnp "sport = :$port" 2>/dev/null || lsof -nP -iTCP:"$port" -sTCP:LISTEN 2>/dev/null | tail -n +2) |
                sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1, process \2/p; s/^\([^ ]*\) *\([0-9][0-9]*\) .*/\1, process \2/p' | head -n 1)
            fail "port $port is taken${owner:+ by $owner}: stop that, or choose another with make demo PORT=9000"
        fi
        cat "$data/collector.log" >&2
        fail "the collector did not start"
    fi
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ]; then fail "the collector does not answer; see $data/collector.log"; fi
    sleep 0.1
done

say ""
say "The collector's page: $url"
say ""
result=0
# shellcheck disable=SC2086 # several options in one variable
"$target/shop" --endpoint "$url" --data "$data/events" --headwater "$target/headwater" --echo "$echo_url" \
    ${DEMO_ARGS:-} &
shop=$!
wait "$shop" || result=$?
shop=

if [ -n "$oneshot" ]; then exit "$result"; fi
say ""
# The web SDK in a page, where it is built.
if command -v node >/dev/null 2>&1 && [ -f "${WEB_DIST:-sdk-web/dist}/index.js" ]; then
    node examples/web/serve.mjs --port "${SHOP_PORT:-8766}" --collector "$url" &
    store=$!
    sleep 1
    say "  put a lamp in the cart, choose in its consent banner, and watch both pages"
else
    say "A shop page with the web SDK and a consent banner: make demo WEB=1 (needs node; builds for some minutes)"
fi
say ""
say "The events are on $url, and more can be sent there:"
say "  curl -u any-key: -d '{\"userId\":\"you\",\"event\":\"Hello\"}' $url/v1/track"
say ""
say "Behind the log: deliveries are on $url/admin/v1/connections, what arrived at the destination on $echo_url/_received, rows by"
say "  $target/headwater query --data $data/events \"SELECT event_text, count(*) FROM tracks GROUP BY 1\""
say "Ctrl-C stops the collector; everything stays in $data/events until the next demo."
trap 'exit "$result"' INT
wait "$collector" || true
exit "$result"
