# Everything that is done with this repository starts here; `make` alone lists it.
# Only cargo and a C compiler are needed to begin with (`make toolchain` looks for them, and installs
# Node for the dashboard where it can).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ROLES := collector proxy master
CRATES := $(notdir $(patsubst %/Cargo.toml,%,$(wildcard crates/*/Cargo.toml)))
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
BINARIES := $(TARGET)/release
# Where the tests find them. Only for the tests: to a node, such a variable is a setting.
TEST := TRIBUTARY_BIN_DIR=$(BINARIES) cargo test -p integration-tests

# Tests watch real programs in real time; more than two at once only makes them wait.
TEST_THREADS ?= 2

.PHONY: help
help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: build ## run a master, a proxy and two collectors here, and say where the dashboard is
	@integration-tests/demo.sh "$(BINARIES)"

.PHONY: build
build: toolchain $(ROLES:%=build-%) ## build the three binaries into target/release

# One at a time: cargo unites the features of what it builds together, so that a slim binary
# would be given what only another one asked for.
.PHONY: $(ROLES:%=build-%)
build-proxy: build-collector
build-master: build-proxy
$(ROLES:%=build-%): build-%: toolchain
	@cargo build --release -p tributary-$*

.PHONY: test
test: lint peers build ## lint, install what the tests need, build, run all tests
	cargo test --workspace --exclude integration-tests
	cargo test -p collect --test apps_beside_netdata --test container_interfaces -- --ignored
	$(TEST) -- --test-threads=$(TEST_THREADS)

.PHONY: peers
peers: ## install what the tests run beside us (Netdata, Chromium; Debian packages, and one of PyPI)
	@integration-tests/install-peers.sh

.PHONY: lint
lint: toolchain each-crate-alone ## format, clippy and documentation without a warning
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# A crate that only compiles beside others has a feature missing in its own list.
.PHONY: each-crate-alone
each-crate-alone: $(CRATES:%=alone-%) slim

.PHONY: $(CRATES:%=alone-%)
$(CRATES:%=alone-%): alone-%: toolchain
	@cargo check -p $*

# What is left without features: no C library, one side of a stream.
.PHONY: slim
slim: toolchain
	@for side in receiver sender receiver,zstd sender,zstd; do cargo clippy -p stream --no-default-features --features $$side -- -D warnings; done
	@for role in $(ROLES); do cargo clippy -p tributary-$$role --no-default-features -- -D warnings; done

.PHONY: bench
bench: peers build ## measure us and Netdata side by side, as a table; then the crates by themselves
	TRIBUTARY_BIN_DIR=$(BINARIES) cargo run --release -p integration-tests --bin bench
	$(TEST) --test dashboard -- --ignored --nocapture
	cargo bench -p protocol --bench decode
	cargo bench -p rrd-store --bench codec
	cargo bench -p rrd-store --bench start
	cargo bench -p rrd-store --bench append
	cargo bench -p rrd-store --bench memory
	cargo bench -p stream --bench codec
	cargo bench -p rrd-store --bench tiers
	cargo bench -p collect --bench tick
	cargo bench -p web --bench data
	cargo bench -p web --bench fleet
	cargo bench -p export
	cargo bench -p health

# Each target for so many seconds. Finds stay beside the crate in fuzz/artifacts; new inputs go to a
# folder of cargo's, never into the corpus, which grows only where somebody picks a few.
FUZZ_S ?= 30
FUZZ := $(patsubst crates/%.rs,%,$(wildcard crates/*/fuzz/targets/*.rs))

.PHONY: fuzz
fuzz: toolchain ## feed each fuzz target any bytes for FUZZ_S seconds (30); needs a C++ compiler, too
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	@$(MAKE) $(FUZZ:%=fuzz/%)

# Sanitizers and coverage are not for stable compilers, unless they are told to be nightly.
.PHONY: $(FUZZ:%=fuzz/%)
$(FUZZ:%=fuzz/%): fuzz/%: toolchain
	@crate=crates/$(firstword $(subst /, ,$*)); target=$(notdir $*); found=$(TARGET)/fuzz/corpus/$*; \
	mkdir -p "$$found"; echo "$$crate: $$target, $(FUZZ_S) s"; cd "$$crate"; \
	RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$(TARGET)/fuzz cargo fuzz run "$$target" "$$found" "fuzz/corpus/$$target" -- \
		-max_total_time=$(FUZZ_S) -timeout=10 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 \
		2>&1 | sed '/# Uses: /d; /ecommended dictionary/d'

# One arena, as nodes have it: a test cannot ask for that once its threads run.
.PHONY: soak
soak: peers build ## watch for long: memory of many charts and hosts, a collector; gaps, archives, beside Netdata
	MALLOC_ARENA_MAX=1 cargo test --release -p rrd-store --test memory -- --ignored --nocapture --test-threads=1
	cargo test --release -p collect --test memory -- --ignored --nocapture
	$(TEST) --test footprint -- --ignored --nocapture
	$(TEST) --test streams -- --ignored --nocapture
	$(TEST) --test gaps -- --ignored --nocapture
	$(TEST) --test plugins -- --ignored --nocapture
	$(TEST) --test soak -- --ignored --nocapture
	$(TEST) --test backends -- --ignored --nocapture

.PHONY: clean
clean: ## remove what was built
	cargo clean

.PHONY: toolchain
toolchain:
	@command -v cargo >/dev/null || { echo "no Rust toolchain here: install Rust 1.95 or newer with rustup, then try again" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "no C compiler and linker here: apt-get install gcc libc6-dev, then try again" >&2; exit 1; }
	@{ command -v node && command -v npm; } >/dev/null || integration-tests/install-peers.sh node || \
		echo "going on without Node: the programs will have no dashboard, and their first page says so" >&2
