# The verbs of the house; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PACKAGES := libzmq3-dev libhdf5-dev libzip-dev libsodium-dev libxxhash-dev libsqlite3-dev libsentencepiece-dev pkg-config python3 python3-zmq python3-numpy python3-venv
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SWIFT_BUILD := swift build --explicit-target-dependency-import-check error
PYTHON := /usr/bin/python3
PIPELINES := $(filter-out %.test.yaml,$(wildcard Pipelines/*.yaml))

.PHONY: help setup build demo test test-python test-notebook wheel manual check-metrics check-unit deb test-deb bench-overload bench-taps test-network test-page page-pictures page-weight lint format bench bench-parked bench-pipeline bench-steps simulate planted torture faults isolation soak fuzz neon sanitize fixtures check-models check-random clean

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Asks dpkg for each package by name, and installs only what is missing.
setup: ## Install the Debian packages that building and testing need
	@command -v swift >/dev/null || { echo "swift is missing: install Swift 6.3 from swift.org" >&2; exit 69; }
	@missing=""; for package in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "install ok installed" || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

build: setup ## Build the release binary: .build/release/millrace
	$(SWIFT_BUILD) -c release --product millrace

demo: build ## Run the main job on real input and show it
	@PYTHONPATH=Clients/python $(PYTHON) Clients/python/examples/motion_demo.py .build/release/millrace

test: setup ## Run all tests (debug build)
	$(SWIFT_BUILD) --build-tests
	swift test --skip-build
	cd Clients/python && MILLRACE=$(CURDIR)/.build/debug/millrace $(PYTHON) -m unittest discover -q -s tests -t .
	$(MAKE) --no-print-directory test-python
	.build/debug/millrace test $(PIPELINES)
	.build/debug/millrace-simulate --seeds 200
	.build/debug/millrace-simulate --replay $(wildcard Fixtures/simulation/*.jsonl)
	$(PYTHON) Tests/Torture/torture.py .build/debug/millrace --kills 12 --seed 1
	$(PYTHON) Tests/Torture/torture.py .build/debug/millrace --kills 12 --seed 2 --split
	$(PYTHON) Tests/Torture/isolation.py .build/debug/millrace --lives 300 --kills 6 --alone 6 --seed 1
	@$(PYTHON) Packaging/manual.py .build/debug/millrace .build/manual --check

# Made from what the command says of itself, so that they are always true.
manual: ## Write the man pages and shell completions: .build/manual/man, .build/manual/completions
	@$(SWIFT_BUILD) -c release --product millrace
	@$(PYTHON) Packaging/manual.py .build/release/millrace .build/manual --check

PYTHON_VENV := .build-python/venv
PYTHON_BIN := $(CURDIR)/$(PYTHON_VENV)/bin

$(PYTHON_VENV)/%: Clients/python/%.txt | setup
	@test -x $(PYTHON_BIN)/pip || $(PYTHON) -m venv $(PYTHON_VENV)
	@$(PYTHON_BIN)/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# With the newest numpy and pyzmq; `make test` has run them all with Debian's.
test-python: $(PYTHON_VENV)/requirements-test ## Check the Python client's types, pytest fixtures and wheel (part of make test)
	@$(SWIFT_BUILD) --product millrace
	cd Clients/python && $(PYTHON_BIN)/mypy
	$(PYTHON_BIN)/python Clients/python/tests/check_package.py
	cd Clients/python && MILLRACE=$(CURDIR)/.build/debug/millrace $(PYTHON_BIN)/pytest -q tests/pytest_plugin_test.py tests/test_async_client.py

# Jupyter takes its time to install.
test-notebook: $(PYTHON_VENV)/requirements-notebook ## Execute Clients/python/examples/gates.ipynb against a daemon (installs Jupyter in .build-python)
	@$(SWIFT_BUILD) --product millrace
	MILLRACE=$(CURDIR)/.build/debug/millrace $(PYTHON_BIN)/python Clients/python/examples/run_notebook.py

wheel: $(PYTHON_VENV)/requirements-test ## Build the Python client's wheel into Clients/python/dist
	cd Clients/python && $(PYTHON_BIN)/python -m build --no-isolation && $(PYTHON_BIN)/twine check --strict dist/*

# Debian's packages: prometheus has promtool; the page's tests skip themselves without a browser.
check-metrics: ## Check /metrics and the Grafana file with promtool (installs Debian's prometheus)
	@command -v promtool >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null; }
	@$(SWIFT_BUILD) --product millrace
	@MILLRACE=.build/debug/millrace $(PYTHON) Packaging/check_metrics.py

# About three minutes. A cut of a minute: ARGS="--cut 60".
test-network: ## Cut, half-open and slow cables between two network namespaces (root; installs iproute2, iptables)
	@if [ "$$(id -u)" = 0 ]; then for package in iproute2 iptables; do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "install ok installed" || missing="$$missing $$package"; done; \
	  if [ -n "$$missing" ]; then apt-get update -qq && env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi; fi
	@$(SWIFT_BUILD) --product millrace
	@MILLRACE=$(CURDIR)/.build/debug/millrace $(PYTHON) Tests/Network/network.py $(ARGS)

# Swift's library goes into the binary: the package needs Debian's own libraries alone.
DEB_BUILD := swift build -c release --static-swift-stdlib --scratch-path .build-deb -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now
deb: setup ## Build the Debian package: .build-deb/millrace_VERSION_ARCH.deb (lintian reads it where it is installed)
	$(DEB_BUILD) --product millrace
	@Packaging/deb/build

test-deb: deb ## Install, run, remove and purge the package in an overlay of this system (root)
	@Packaging/deb/test

bench-overload: build ## Whether one greedy stream slows the others down (ARGS=--json)
	@MILLRACE=$(CURDIR)/.build/release/millrace $(PYTHON) Benchmarks/overload/overload.py $(ARGS)

# About five minutes, and 5 GB of disk; ARGS="--streams 100000" for a shorter one.
bench-parked: build ## A million parked streams of an LSTM of 256 units: memory, disk, and what a step of one takes
	@MILLRACE=$(CURDIR)/.build/release/millrace $(PYTHON) Benchmarks/parked/parked.py $(ARGS)

# The first half needs valgrind, the second a quiet machine.
bench-taps: build ## What taps cost with no subscriber (instructions) and with 20, 15 of them stopped; whether one gets all
	@command -v valgrind >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valgrind >/dev/null; }
	@MILLRACE=$(CURDIR)/.build/release/millrace $(PYTHON) Benchmarks/taps/instructions.py
	@MILLRACE=$(CURDIR)/.build/release/millrace $(PYTHON) Benchmarks/taps/reader.py
	@$(BUILD_PIPELINE) >&2
	@.build-pipeline/release/EndToEndBenchmark --only taps --rounds 5 $(ARGS)

check-unit: ## Check the systemd unit, and how exposed systemd-analyze calls it
	@Packaging/systemd/check

test-page: ## Test the page in headless Chromium (installs Debian's chromium, chromium-driver)
	@for package in chromium chromium-driver fonts-noto-cjk; do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "install ok installed" || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@$(SWIFT_BUILD) --product millrace
	cd Clients/python && MILLRACE=$(CURDIR)/.build/debug/millrace $(PYTHON) -m unittest -v tests.test_page

page-pictures: ## Take the pictures of the page in Docs anew, with 200 live streams (needs what test-page installs)
	@$(SWIFT_BUILD) --product millrace
	cd Clients/python && MILLRACE=$(CURDIR)/.build/debug/millrace $(PYTHON) -m tests.page_pictures $(CURDIR)/Docs

# Ten minutes; ARGS="--minutes 2" for fewer.
page-weight: build ## What the page costs its reader after a while, with 200 live streams (needs what test-page installs)
	cd Clients/python && MILLRACE=$(CURDIR)/.build/release/millrace $(PYTHON) -m tests.page_weight $(ARGS)

# One seed: ARGS="--seed 7"; the fixture of a failure: ARGS="--replay FILE".
simulate: ## Run the stages under faults of new seeds for a minute (ARGS="--seconds 600" for longer)
	@$(SWIFT_BUILD) --product millrace-simulate
	@.build/debug/millrace-simulate $(or $(ARGS),--seconds 60)

# About fifteen minutes: the bugs are planted in a copy, .build-planted.
planted: setup ## Plant bugs one at a time and look whether the simulator finds them (ARGS="--seconds 60 --only NAME")
	@$(PYTHON) Tests/Simulate/planted.py $(ARGS)

torture: build ## Kill daemons at random moments and compare with an undisturbed run
	@for mode in "--durability os" "--durability fsync" "--durability os --split" "--durability fsync --split"; do \
	  echo "$$mode"; $(PYTHON) Tests/Torture/torture.py .build/release/millrace --kills 200 $$mode $(ARGS) || exit 1; done

# About ten minutes: 100,000 streams, 20,000 flipped bits, and power cuts under the torture's streams.
faults: setup ## What the tests do to stores, many times over: flipped bits, power cuts, streams that never end
	$(SWIFT_BUILD) --build-tests
	MILLRACE_THOROUGH=1 swift test --skip-build --filter 'BitFlipTests|PowerCutTests|DiskFaultTests|MachineFaultTests'
	@for mode in "" "--split"; do echo "power cuts $$mode"; \
	  $(PYTHON) Tests/Torture/torture.py .build/debug/millrace --kills 60 --power --durability fsync $$mode $(ARGS) || exit 1; done

isolation: build ## Run 10,000 streams beside each other, disturbed in every way, and compare each with its run alone
	@$(PYTHON) Tests/Torture/isolation.py .build/release/millrace $(ARGS)

soak: build ## Load a daemon for 30 minutes and look whether anything grows: ARGS="--minutes 30 --plot Docs/soak.svg"
	@$(PYTHON) Tests/Soak/soak.py .build/release/millrace $(ARGS)

lint: ## Check format and style, and that planted.py still finds its places
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks/EndToEnd
	@$(PYTHON) Tests/Simulate/planted.py --check

format: ## Format the Swift sources in place
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks/EndToEnd

# No leak detection: it does not see references that Swift keeps with tag bits, and calls what is alive at exit leaked. libhdf5 asks for
# what a damaged file claims, and is to be told that there is not so much, as without a sanitizer.
sanitize: setup ## Run the tests under the thread and the address sanitizer
	MILLRACE_SANITIZED=1 SWIFT_BACKTRACE=enable=no TSAN_OPTIONS="suppressions=$(CURDIR)/Tests/Sanitizers/thread-suppressions.txt external_symbolizer_path=$$(dirname $$(readlink -f $$(command -v swift)))/llvm-symbolizer" \
	  swift test --scratch-path .build-tsan --sanitize thread
	MILLRACE_SANITIZED=1 SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 swift test --scratch-path .build-asan --sanitize address

# About five minutes to build at first. The tests replay what is in Fixtures/fuzz.
fuzz: setup ## Look for inputs that harm a reader of messages or files: ARGS="keras 120" is one reader and seconds, default all and 60
	@Tests/Fuzz/run $(ARGS)

BENCH_PYTHON := .build-peers/venv/bin/python
BUILD_PIPELINE := MILLRACE_BENCHMARKS=1 swift build -c release --scratch-path .build-pipeline --product EndToEndBenchmark
BENCH_FLAGS := --library .build-bench/release/libStepLoops.so --onednn .build-peers/libonednn_loop.so

bench-steps: setup ## Times of one step beside the peers: ARGS="--cell lstm --units 128 --streams 1,32 --json"
	@Benchmarks/prepare >&2
	@$(BENCH_PYTHON) Benchmarks/steps/rows.py $(BENCH_FLAGS) $(ARGS)

# In full about ten minutes, ARGS=--quick under two, once all is built. ARGS="--resume --seconds 200" goes on with a run and stops
# after so long with status 75, until all is measured: for a machine that is quiet now and then.
bench: setup ## Steps beside the peers, and the whole way, into Benchmarks/results (ARGS=--quick for a short one)
	@Benchmarks/prepare >&2
	@$(BUILD_PIPELINE) >&2
	@$(BENCH_PYTHON) Benchmarks/steps/bench.py $(BENCH_FLAGS) --pipeline .build-pipeline/release/EndToEndBenchmark $(ARGS)

bench-pipeline: setup ## Rates and delays through the whole pipeline beside an echo (ARGS=--quick for a short run)
	@$(BUILD_PIPELINE) >&2
	@.build-pipeline/release/EndToEndBenchmark $(ARGS)

# The instruction set of 64-bit ARM, cross-compiled and run under qemu-user.
neon: ## Compare the NEON kernels with the reference, bit by bit (installs a cross compiler and qemu-user)
	@for package in gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user; do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "install ok installed" || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	$(MAKE) -C Benchmarks/kernels test-arm

fixtures: ## Compare the fixtures' expected values with Keras anew (needs Keras and tokenizers in PYTHON_KERAS)
	@for script in $(wildcard $(patsubst Pipelines/%.yaml,Fixtures/%/generate.py,$(PIPELINES))); do \
	  echo "$$script"; $${PYTHON_KERAS:-python3} $$script --check || exit 1; done

MODEL_CASES := $(addprefix Fixtures/,golden trained onnx torch keras-layers model-files exporters)
check-models: ## Run every recorded case of a model file (DATA="FOLDER..." for others): right, or refused as it must be
	@$(SWIFT_BUILD) --product millrace
	@$(PYTHON) Fixtures/check_models.py .build/debug/millrace $(or $(DATA),$(MODEL_CASES))

check-random: ## Compare 200 models drawn by chance with Keras, PyTorch and onnxruntime (needs them in PYTHON_KERAS; ARGS="--count 20 --seed 7")
	@$(SWIFT_BUILD) --product millrace
	@$${PYTHON_KERAS:-python3} Fixtures/random/check.py .build/debug/millrace $(ARGS)

clean: ## Remove what was built
	rm -rf .build .build-*
