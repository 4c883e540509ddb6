# Each target is one act; `make help` lists them. The first that builds compiles RocksDB's C++ (about 9 minutes on 2
# cores), once for all of them. Times below are for 2 cores, after that.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
# Sourced by each recipe that builds: where prepare found or put libclang.
TOOLS := . $(TARGET)/tools/env.sh

.PHONY: help
help: ## print this list (at once)
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

.PHONY: demo
demo: prepare ## build the vault and the command line and run the whole story on sample data (4 minutes, then seconds)
	@$(TOOLS) && cargo build --locked -p coffer-vault -p coffer-cli
	@$(TARGET)/debug/coffer-vault demo

.PHONY: test
test: prepare ## run every test of every crate (10 minutes)
	@scripts/prepare.sh tests
	@$(TOOLS) && cargo test --workspace --locked

.PHONY: bench
bench: prepare ## measure with full optimisation; a table, and target/bench.json (15 minutes)
	@$(TOOLS) && cargo build --locked -p coffer-vault
	@$(TOOLS) && exports="$$(scripts/rocksdb-lib.sh)" && eval "$$exports" && cargo bench --locked -p coffer-tests

.PHONY: crash
crash: prepare ## kill the server again and again and count what was lost (5 minutes)
	@$(TOOLS) && cargo test --locked -p coffer-tests --test crash -- --include-ignored --nocapture

.PHONY: deb
deb: prepare ## build the Debian package under target/debian (with full optimisation: 5 minutes)
	@$(TOOLS) && cargo build --locked -p coffer-vault
	@$(TOOLS) && scripts/deb.sh

SECONDS := $(or $(SECONDS),10)

.PHONY: fuzz
fuzz: prepare ## run each fuzz target for SECONDS=10 seconds (the first time 3 minutes more)
	@$(TOOLS) && scripts/fuzz.sh $(SECONDS)

.PHONY: conform
conform: prepare ## ask a vault whatever its OpenAPI document allows and forbids, for SECONDS=10 seconds
	@$(TOOLS) && cargo build --locked -p coffer-vault
	@scripts/schemathesis.sh $(SECONDS)

.PHONY: lint
lint: prepare ## check formatting, clippy with warnings denied, and what the light crates pull (5 minutes, then seconds)
	@$(TOOLS) && cargo fmt --all --check
	@$(TOOLS) && cargo clippy --workspace --all-targets --locked -- -D warnings
	@$(TOOLS) && scripts/light.sh

.PHONY: fmt
fmt: prepare ## format all code (a second)
	@$(TOOLS) && cargo fmt --all

.PHONY: prepare
prepare: ## install what the build needs and is missing: a C++ compiler, libclang (at once, or up to 2 minutes)
	@scripts/prepare.sh
