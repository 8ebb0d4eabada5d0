# The few commands of the project. `make help` lists them.
PACKAGES := libsqlite3-dev libre2-dev libboost1.81-dev libwslay-dev zlib1g-dev libssl-dev libreadline-dev \
	libcurl4-openssl-dev libtomlplusplus-dev graphviz pkg-config python3 \
	curl openssl
ADDR ?= 127.0.0.1:8080

.PHONY: help setup build serve test bench simulate crash fuzz sarif format lint clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: ## install the C libraries that are missing (Debian 12)
	@dpkg -s $(PACKAGES) >/dev/null 2>&1 || { \
	  run() { if [ "$$(id -u)" = 0 ]; then "$$@"; else sudo "$$@"; fi; }; \
	  run apt-get update -qq && run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACKAGES); }

build: setup ## build the release binary
	swift build -c release --product flow

serve: build ## serve the order sample, with a warehouse to send parcels from
	@python3 samples/warehouse.py 8081 & warehouse=$$!; trap 'kill $$warehouse' EXIT INT TERM; \
	WAREHOUSE_URL=http://127.0.0.1:8081 PAYMENTS_URL=http://127.0.0.1:8081 \
	  .build/release/flow serve samples/order.flow --addr $(ADDR)

test: setup ## build everything and run all tests
	swift build --build-tests --explicit-target-dependency-import-check error
	swift test --skip-build

bench: setup ## the benchmarks: ratios measured side by side in one run
	swift build -c release --product flow
	swift run -c release Benchmarks

SEEDS ?= 10000
simulate: setup ## run the engine through SEEDS simulated storms
	swift build -c release --build-tests --scratch-path .build/optimized -Xswiftc -enable-testing
	FLOW_SEEDS=$(SEEDS) swift test -c release --skip-build --scratch-path .build/optimized --filter SimulationTests

KILLS ?= 200
FULL_DISKS ?= 20
crash: setup ## kill a loaded server KILLS times, and FULL_DISKS times with a full disk
	swift build --build-tests
	FLOW_KILLS=$(KILLS) FLOW_FULL_DISKS=$(FULL_DISKS) swift test --skip-build --filter CrashTests

FUZZ_SECONDS ?= 60
fuzz: setup ## feed CEL whatever libFuzzer comes up with, for FUZZ_SECONDS
	FLOW_FUZZ=1 swift build -c release --product CELFuzz --scratch-path .build/fuzz \
	  -Xswiftc -sanitize=fuzzer -Xswiftc -parse-as-library
	mkdir -p .build/fuzz/corpus
	.build/fuzz/release/CELFuzz .build/fuzz/corpus -dict=Sources/CELFuzz/dictionary.txt \
	  -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=512 -print_final_stats=1

SARIF_ENV := .build/sarif
sarif: build ## hold the SARIF output against models of the standard from PyPI
	test -x $(SARIF_ENV)/bin/python || { python3 -m venv $(SARIF_ENV) && $(SARIF_ENV)/bin/pip install -q sarif-pydantic; }
	.build/release/flow lint --preset strict --exit-zero --format sarif --output $(SARIF_ENV)/flow.sarif \
	  Tests/FlowCompilerTests/Corpus/codes
	$(SARIF_ENV)/bin/python -c 'from sarif_pydantic import Sarif; \
	  log = Sarif.model_validate_json(open("$(SARIF_ENV)/flow.sarif").read()); \
	  print(len(log.runs[0].results), "results fit SARIF", log.version)'

format: ## bring the Swift sources into their form
	swift format --in-place --recursive Sources Tests Package.swift

lint: ## check the form of the Swift sources
	swift format lint --strict --recursive Sources Tests Package.swift

clean: ## remove what was built
	rm -rf .build
