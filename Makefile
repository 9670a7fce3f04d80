# Every command is a script that can be run by itself; this file only names them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

.PHONY: demo
demo: ## Start the collector, send a shop's evening through the SDK, watch it arrive (ONESHOT=1 ends by itself, WEB=1 opens a shop page)
	@scripts/demo.sh

.PHONY: doctor setup release
doctor: ## What the commands need, what is there, how to get the rest
	@scripts/doctor.sh
setup: ## Install what is missing (Debian and Ubuntu, as root)
	@scripts/doctor.sh --setup
release: ## A release without publishing: versions, metadata, all packages (docs/release.md)
	@scripts/release.sh

.PHONY: test
test: ## Every suite; installs what is missing
	@scripts/test.sh

.PHONY: nightly
nightly: ## The long forms: simulations, corruption, mutants, fuzzing (SCALE=1, TIME=600 seconds a fuzz target, ONLY=word)
	@scripts/nightly.sh

.PHONY: test-rust test-clients test-page
test-rust: ## The Rust suites alone
	@scripts/test.sh rust
test-clients: ## Segment's and RudderStack's own SDKs against the collector
	@scripts/test.sh clients
test-page: ## The live page in a real browser
	@scripts/test.sh page

.PHONY: bench
bench: ## Every benchmark, side by side with its peers
	@benches/run.sh all
bench-%: ## One benchmark: bench-track, bench-ingest
	@benches/run.sh $*

.PHONY: sim
SEEDS ?= 500
sim: ## Whole lives of a client and a collector in virtual time (SEEDS=N)
	@cargo run --release --quiet --package headwater-simulation -- --seeds $(SEEDS)

.PHONY: corrupt
corrupt: SEEDS = 2000
corrupt: ## Damage logs on purpose and count what that costs (SEEDS=N)
	@cargo run --release --quiet --package headwater-corruption -- --seeds $(SEEDS)

.PHONY: hub-sim test-hub
hub-sim: ## Lives of the hub in virtual time, with crashes between any two effects (SEEDS=N)
	@cargo run --release --quiet --package headwater-hub-simulation -- --seeds $(SEEDS)
test-hub: ## Rules, workspace, delivery, profiles and the binary
	@cargo test --quiet --package headwater-govern --package headwater-workspace --package headwater-delivery \
		--package headwater-profiles --package headwater-server --package headwater-hub-simulation \
		--package headwater-catalog

.PHONY: catalogue
catalogue: ## Every destination's definition and its golden rows
	@cargo test --quiet --package headwater-catalog --test catalogue -- --nocapture

.PHONY: mutants
mutants: ## Break the code on purpose, one way at a time: the simulations must notice (ONLY=word, ONLY=hub)
	@scripts/mutants.sh $(ONLY)

.PHONY: conformance
SDK ?= rust
conformance: ## Scenarios against an SDK's e2e CLI (SDK=rust, or CLI="node ...")
	@CLI="$(CLI)" scripts/conformance.sh $(SDK)

.PHONY: fuzz
TIME ?= 60
fuzz: ## Coverage-guided fuzzing, seconds for each target (TIME=S)
	@scripts/fuzz.sh $(TIME)

.PHONY: wasm
wasm: ## The engine as WebAssembly, into sdk-web/wasm
	@scripts/web.sh wasm

.PHONY: web web-size test-web
web: ## The npm package, into sdk-web/dist
	@scripts/web.sh js
web-size: ## What the npm package weighs (VERBOSE=1: the engine by crate and function, too)
	@[ -z "$(VERBOSE)" ] || scripts/web.sh size
	@scripts/web.sh weigh
test-web: ## The web package: types, lint, units
	@scripts/test.sh web

.PHONY: test-browser bench-web
test-browser: ## The web SDK in Chromium: what must not be lost (ONLY=text, PEERS=1 for the others' packages)
	@scripts/test-browser.sh
bench-web: ## What the web SDK costs a page, beside its peers
	@scripts/bench-web.sh

.PHONY: ffi-size
ffi-size: ## What the library for Swift and Kotlin weighs, stripped
	@scripts/ffi.sh size

.PHONY: test-ios bench-swift
test-ios: ## The Swift package, on Linux in a folder with Swift 6: units, the real collector, the conformance scenarios
	@scripts/test-ios.sh
bench-swift: ## What a call costs an app written in Swift
	@scripts/test-ios.sh bench

.PHONY: test-android bench-kotlin
test-android: ## The Kotlin library, on a JVM: units, the real collector, the conformance scenarios, the Android module
	@scripts/test-android.sh
bench-kotlin: ## What a call costs a JVM, beside analytics-kotlin
	@scripts/test-android.sh bench

.PHONY: fmt lint
fmt: ## Format everything
	@cargo fmt --all
	@scripts/web.sh fmt
lint: ## Formatting, clippy, the arrows between crates
	@scripts/lint.sh
	@scripts/web.sh lint
