# The commands of the project; `make help` lists them.
PACKAGES := libsqlite3-dev libre2-dev libboost1.81-dev libwslay-dev zlib1g-dev libssl-dev libreadline-dev \
	libcurl4-openssl-dev libtomlplusplus-dev libpq-dev librabbitmq-dev libhiredis-dev pkg-config python3
TEST_PACKAGES := $(PACKAGES) graphviz python3-aiosmtpd python3-cryptography openssl curl fish zsh mandoc
ADDR ?= 127.0.0.1:8080

.PHONY: help setup setup-test build serve install deb dist container check-deb check-reproducible test check-ui \
	browser test-ui test-ui-path pictures test-brokers test-postgres test-lsp bench bench-peers bench-compare \
	check-growth check-model simulate crash powercut flips soak test-resume fuzz fuzz-http test-upgrade held-snapshot \
	bench-nodes bench-timers compare-spin verify-table livez-under-load check-time check-sarif check-client schemathesis \
	autobahn format lint clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | while IFS='	' read -r name text; do \
	  printf '  %-14s %s\n' "$$name" "$$text"; done

setup: .build/assets/preact.js ## install missing C libraries (Debian 12), and the module of the dashboard
	@dpkg -s $(PACKAGES) >/dev/null 2>&1 || { \
	  run() { if [ "$$(id -u)" = 0 ]; then "$$@"; else sudo "$$@"; fi; }; \
	  apt() { run env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$$@"; }; \
	  apt update && apt install -y $(PACKAGES); }

# Preact and htm for the dashboard, as one module; it is embedded when it is there.
PREACT := datasette-preact==0.0.1 --hash=sha256:6cfe3b4d4651ffa4ec9207e3df40e49ea5e157d9b064ac02fd516d931cd52a58
.build/assets/preact.js:
	@mkdir -p .build/assets && echo "$(PREACT)" >.build/assets/requirements.txt
	@python3 -m pip download -q --no-deps --require-hashes -r .build/assets/requirements.txt -d .build/assets && \
	  python3 -m zipfile -e .build/assets/datasette_preact-*.whl .build/assets/wheel && \
	  cp .build/assets/wheel/datasette_preact/static/preact-*.js $@ || \
	  echo "the dashboard needs Preact from PyPI, which could not be fetched; everything else works without it" >&2

setup-test: ## install missing packages for the tests
	@$(MAKE) --no-print-directory setup PACKAGES="$(TEST_PACKAGES)"

build: setup ## build the release binary
	@echo "building the release binary; this takes some minutes at first"
	swift build -c release --product flow

# Without optimization the first build takes less than half the time.
serve: setup ## build without optimization, and serve the order sample with a warehouse stub
	@echo "building without optimization, which takes some minutes at first; 'make build' makes the optimized binary"
	swift build --product flow
	@python3 samples/warehouse.py 8081 & warehouse=$$!; trap 'kill $$warehouse' EXIT INT TERM; \
	WAREHOUSE_URL=http://127.0.0.1:8081 PAYMENTS_URL=http://127.0.0.1:8081 \
	  .build/debug/flow serve samples/order.flow --addr $(ADDR) --allow-host 127.0.0.1

# The package build has its own folder: the Swift runtime is static, and no path of this machine is in the binary.
VERSION := $(shell sed -n 's/.*static let version = "\(.*\)"/\1/p' Sources/Tools/flow/CommandLine/FlowCommandLine.swift)
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1767225600)
PACKAGE_BUILD := .build/package
PACKAGE_FLAGS := -c release --product flow --static-swift-stdlib --scratch-path $(PACKAGE_BUILD) \
	-Xswiftc -gnone -Xswiftc -file-prefix-map -Xswiftc $(CURDIR)=. -Xcc -ffile-prefix-map=$(CURDIR)=. \
	-Xlinker --build-id=none -Xlinker -s
PREFIX ?= /usr/local
SYSTEMD ?= $(PREFIX)/lib/systemd/system
BINARY := $(PACKAGE_BUILD)/release/flow

# The hashes of modules serve incremental builds, and depend on the folder.
$(BINARY): setup
	swift build $(PACKAGE_FLAGS)
	@cp -p $(BINARY) $(BINARY).time && \
	  set -- $$(objdump -h -j .swift_modhash $(BINARY) | awk '$$2 == ".swift_modhash" { print $$3, $$6 }') && \
	  dd if=/dev/zero of=$(BINARY) bs=1 seek=$$((0x$$2)) count=$$((0x$$1)) conv=notrunc status=none && \
	  touch -r $(BINARY).time $(BINARY) && rm $(BINARY).time

install: $(BINARY) ## install the binary, manual pages, completions and unit below DESTDIR and PREFIX
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/flow
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions \
	  $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d $(DESTDIR)/etc/flow/flows
	$(BINARY) man --output $(DESTDIR)$(PREFIX)/share/man/man1
	mv $(DESTDIR)$(PREFIX)/share/man/man1/flow.toml.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	$(BINARY) completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/flow
	$(BINARY) completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_flow
	$(BINARY) completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/flow.fish
	install -D -m 644 packaging/flow.service $(DESTDIR)$(SYSTEMD)/flow.service
	sed -i 's,/usr/bin/flow,$(PREFIX)/bin/flow,' $(DESTDIR)$(SYSTEMD)/flow.service
	test -e $(DESTDIR)/etc/flow/environment || install -m 644 packaging/environment $(DESTDIR)/etc/flow/environment

deb: ## build a Debian package in .build/dist
	rm -rf $(PACKAGE_BUILD)/stage
	$(MAKE) --no-print-directory install DESTDIR=$(CURDIR)/$(PACKAGE_BUILD)/stage PREFIX=/usr SYSTEMD=/lib/systemd/system
	packaging/deb $(PACKAGE_BUILD)/stage $(VERSION) $(CURDIR)/.build/dist

dist: deb ## build the package, a tar archive, an SBOM and checksums in .build/dist
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(SOURCE_DATE_EPOCH) -C $(PACKAGE_BUILD)/stage -c . | \
	  gzip -9n > .build/dist/flow-$(VERSION)-linux-$$(uname -m).tar.gz
	python3 packaging/sbom.py $(BINARY) $(VERSION) > .build/dist/flow-$(VERSION).cdx.json
	cd .build/dist && sha256sum *.deb *.tar.gz *.json > SHA256SUMS

ROOT ?= .build/debian-root
DEB_TOOLS := lintian debootstrap autopkgtest
check-deb: deb ## install the package into a new Debian root, serve a flow, and remove it
	@$(MAKE) --no-print-directory setup PACKAGES="$(DEB_TOOLS)"
	lintian --fail-on error,warning .build/dist/flow-lang_$(VERSION)_$$(dpkg --print-architecture).deb
	packaging/try-deb .build/dist/flow-lang_$(VERSION)_$$(dpkg --print-architecture).deb $(CURDIR)/$(ROOT)
	packaging/autopkgtest .build/dist/flow-lang_$(VERSION)_$$(dpkg --print-architecture).deb $(CURDIR)/$(ROOT)

check-reproducible: dist ## build everything twice in different folders and compare the results
	rm -rf .build/again && git clone -q . .build/again
	$(MAKE) -C .build/again --no-print-directory dist
	diff .build/dist/SHA256SUMS .build/again/.build/dist/SHA256SUMS && echo "two builds are identical"

IMAGE ?= flow:$(VERSION)
container: deb ## build a container image with buildah, without a daemon, and serve a flow from it
	@$(MAKE) --no-print-directory setup PACKAGES="buildah debootstrap curl"
	packaging/try-container .build/dist/flow-lang_$(VERSION)_$$(dpkg --print-architecture).deb $(IMAGE) \
	  $(CURDIR)/$(PACKAGE_BUILD)/container

# The tests do most of their work in the core and the engine, so these are optimized (see Package.swift).
test test-brokers test-postgres test-upgrade held-snapshot test-resume simulate crash flips powercut: export \
	FLOW_OPTIMIZE := 1
TEST_MINUTES ?= 40
test: setup-test ## build everything and run all tests, for at most TEST_MINUTES
	swift build --build-tests --explicit-target-dependency-import-check error
	@rm -f .build/tests*.xml
	@bash -o pipefail -c "timeout -k 10 $(TEST_MINUTES)m swift test --skip-build --xunit-output .build/tests.xml 2>&1 | \
	  tee .build/tests.log" || { Tests/failures.sh .build/tests.log .build/tests*.xml; exit 1; }

BROKERS := rabbitmq-server redis-server postgresql python3-pika
test-brokers: setup ## test brokers and databases against real servers
	@$(MAKE) --no-print-directory setup PACKAGES="$(BROKERS)"
	swift build --build-tests
	FLOW_BROKERS=1 swift test --skip-build --filter FlowBrokerTests

test-postgres: setup ## test the PostgreSQL store and several nodes against a private server
	@$(MAKE) --no-print-directory setup PACKAGES="$(NODE_PACKAGES)"
	swift build --build-tests
	FLOW_POSTGRES=1 swift test --skip-build --filter "FlowStorePostgresTests|StoreTests|StoreCopyTests|NodeTests\
	|NodeFailureTests|NodeDatabaseTests|NodeIdentityTests|ForwardedServiceTests|EventTests|JobTests"

NODE_PACKAGES := postgresql pgbouncer faketime
MINUTES ?= 60
held-snapshot: setup ## hold a snapshot of the database for MINUTES while two nodes are under load; print latencies
	@$(MAKE) --no-print-directory setup PACKAGES="$(NODE_PACKAGES)"
	swift build --build-tests
	FLOW_POSTGRES=1 FLOW_SNAPSHOT_SECONDS=$$(($(MINUTES) * 60)) swift test --skip-build --filter heldSnapshot

# The last commit whose tables are of the version before.
OLD ?= $(shell git log -1 --format=%H -G'static let migrations =' -- \
	Sources/Engine/FlowStorePostgres/Database/PostgresSchema.swift)~1
test-upgrade: setup ## upgrade nodes of the commit OLD, whose tables are older, to this version under load
	@$(MAKE) --no-print-directory setup PACKAGES="$(NODE_PACKAGES)"
	rm -rf .build/old && git worktree prune && git worktree add -f --detach .build/old $(OLD)
	cd .build/old && swift build --product flow
	swift build --build-tests
	FLOW_POSTGRES=1 FLOW_OLD_BINARY=$(CURDIR)/.build/old/.build/debug/flow swift test --skip-build \
	  --filter rollingUpgrade

UI := .build/dashboard
UI_CHECK := $(UI)/check
$(UI)/venv: ; python3 -m venv $@ && $@/bin/pip install -q selenium==4.51.0 deno==2.9.8 pillow==13.0.0
$(UI)/axe:
	$(UI)/venv/bin/pip download -q --no-deps axe-playwright-python==0.1.8 -d $(UI)/wheels && \
	  python3 -m zipfile -e $(UI)/wheels/axe_playwright_python-*.whl $@

# Deno formats the text of `html` templates as HTML, where spaces have a meaning: another name hides it.
check-ui: $(UI)/venv ## check types and format of the dashboard, and lint it
	@rm -rf $(UI_CHECK) && cp -r Sources/Server/Dashboard $(UI_CHECK)
	@printf '// @ts-self-types="./preact.d.ts"\nexport {};\n' >$(UI_CHECK)/preact.js
	cd $(UI_CHECK) && ../venv/bin/deno check --check-js app.js views/*.js parts/*.js && ../venv/bin/deno lint && \
	  sed -i 's/\bhtml`/plain`/g' *.js */*.js && ../venv/bin/deno fmt --check

BROWSER := chromium chromium-driver fonts-liberation python3-venv
UI_PYTHON := PYTHONPATH=Tests/Dashboard $(UI)/venv/bin/python -W ignore
UI_TESTS ?= discover -s Tests/Dashboard -t Tests/Dashboard
browser: setup ## install Chromium and its driver for the tests of the dashboard
	@$(MAKE) --no-print-directory setup PACKAGES="$(BROWSER)"
	@$(MAKE) --no-print-directory $(UI)/venv

test-ui: build browser $(UI)/axe ## test the dashboard in Chromium; UI_TESTS=test_path selects a module
	FLOW=$${FLOW:-.build/release/flow} $(UI_PYTHON) -m unittest $(UI_TESTS) -v

test-ui-path: browser ## test the main path and the hints of the dashboard in Chromium with the build of the tests
	FLOW=.build/debug/flow $(UI_PYTHON) -m unittest test_path test_hints -v

pictures: build browser ## take the pictures of the dashboard in Docs/images
	FLOW=$${FLOW:-.build/release/flow} $(UI_PYTHON) Tests/Dashboard/pictures.py

LSP_ENV := .build/lsp
LSP_TESTS ?= Tests/FlowLSPTests/editors
$(LSP_ENV): ; python3 -m venv $@ && \
	  $@/bin/pip install -q pytest==9.2.0 pytest-asyncio==1.5.0 pytest-timeout==2.4.0 \
	  pytest-lsp==1.0.1 textmate-grammar-python==0.6.1 pygments==2.21.0

test-lsp: build $(LSP_ENV) ## test the language server with pytest-lsp, Neovim and Emacs, and the grammars
	@$(MAKE) --no-print-directory setup PACKAGES="neovim emacs-nox elpa-eglot"
	FLOW=$(CURDIR)/.build/release/flow $(LSP_ENV)/bin/python -m pytest -q -p no:cacheprovider --timeout 120 $(LSP_TESTS)

bench: setup ## run the benchmarks; compare ratios, not absolute numbers
	swift build -c release --product flow
	swift run -c release Benchmarks

PEERS := nginx-light libnginx-mod-nchan redis-server postgresql
ROUNDS ?= 5
bench-peers: setup ## measure Flow beside other tools and write Docs/performance.md; ROUNDS rounds
	@$(MAKE) --no-print-directory setup PACKAGES="$(PEERS)"
	test -x .build/peers/bin/ruff || { python3 -m venv .build/peers && \
	  .build/peers/bin/pip install -q -r Tests/Peers/requirements.txt; }
	swift build -c release --product flow && swift build -c release --product Benchmarks
	.build/peers/bin/python Tests/Peers/run.py --build .build/release --rounds $(ROUNDS) --output Docs/performance.md

KILLS_OF_NODES ?= 20
bench-nodes: setup ## measure two nodes on PostgreSQL beside plain SQL and DBOS, and KILLS_OF_NODES changes of the owner
	@$(MAKE) --no-print-directory setup PACKAGES="postgresql"
	.build/peers/bin/python -c "import dbos, psycopg" 2>/dev/null || { python3 -m venv .build/peers && \
	  grep -E "^(dbos|psycopg)" Tests/Peers/requirements.txt | .build/peers/bin/pip install -q -r /dev/stdin; }
	swift build -c release --product flow && swift build -c release --product Benchmarks
	.build/peers/bin/python Tests/Peers/nodes.py --build .build/release --kills $(KILLS_OF_NODES)

bench-timers: setup ## measure a million waiting instances in a file and, with FLOW_BENCH_POSTGRES=URL, in a database
	swift build -c release --product flow && swift build -c release --product Benchmarks
	.build/release/Benchmarks timers

compare-spin: build ## verify small models with SPIN as well, and write the table in Docs/verify.md
	@$(MAKE) --no-print-directory setup PACKAGES="spin gcc"
	python3 Tests/Peers/compare_spin.py .build/release/flow --output Docs/verify.md

verify-table: build ## verify the samples without and with a solver, and write the table in Docs/verify.md
	@$(MAKE) --no-print-directory setup PACKAGES="z3"
	python3 Tests/Peers/verify_table.py .build/release/flow --output Docs/verify.md

LIMIT ?= 1.5
check-growth: ## check with the build of the tests that no cost grows faster than its input to the power of LIMIT
	.build/debug/Benchmarks check-growth $(LIMIT)

check-model: ## check the model of the ownership of a store with SPIN, and that it fails without each precaution
	@$(MAKE) --no-print-directory setup PACKAGES="spin gcc"
	Tests/Models/check.sh

BASE ?= HEAD~1
bench-compare: setup ## run the benchmarks of the commit BASE and of the work tree in turn; BENCH selects some by prefix
	rm -rf .build/base && git worktree prune && git worktree add -f --detach .build/base $(BASE)
	cd .build/base && swift build -c release --product flow && swift build -c release --product Benchmarks
	swift build -c release --product flow && swift build -c release --product Benchmarks
	python3 Tests/Peers/compare.py .build/base/.build/release/Benchmarks .build/release/Benchmarks $(BENCH)

SEEDS ?= 10000
simulate: setup ## simulate the engine under faults with SEEDS random seeds
	swift build --build-tests
	FLOW_SEEDS=$(SEEDS) swift test --skip-build --filter SimulationTests

KILLS ?= 200
FULL_DISKS ?= 20
crash: setup ## kill a server under load KILLS times, and FULL_DISKS times with a full disk
	swift build --build-tests
	FLOW_KILLS=$(KILLS) FLOW_FULL_DISKS=$(FULL_DISKS) swift test --skip-build --filter CrashTests

FLIPS ?= 1000
flips: setup ## flip FLIPS random bits of a store and check that each change of its contents is reported
	swift build --build-tests
	FLOW_FLIPS=$(FLIPS) swift test --skip-build --filter BitFlipTests

CUTS ?= 5000
powercut: setup ## simulate CUTS power cuts under load and check what survives
	swift build --build-tests
	FLOW_CUTS=$(CUTS) swift test --skip-build --filter PowerCutTests

soak: setup ## load a server for SECONDS with --keep 20s; print sizes of memory, store, log and archive
	swift build -c release --product flow
	python3 Tests/soak.py .build/release/flow $(SECONDS)

SUBSCRIBERS ?= 200
SECONDS ?= 600
test-resume: setup ## disconnect SUBSCRIBERS at random for SECONDS of load and check that each receives every entry once
	swift build --build-tests
	FLOW_SUBSCRIBERS=$(SUBSCRIBERS) FLOW_SECONDS=$(SECONDS) swift test --skip-build --filter ResumeTests

FUZZ_SECONDS ?= 60
fuzz: setup ## fuzz CEL with libFuzzer for FUZZ_SECONDS
	FLOW_FUZZ=1 swift build -c release --product CELFuzz --scratch-path .build/fuzz \
	  -Xswiftc -sanitize=fuzzer -Xswiftc -parse-as-library
	mkdir -p .build/fuzz/corpus
	.build/fuzz/release/CELFuzz .build/fuzz/corpus -dict=Sources/Tools/CELFuzz/dictionary.txt \
	  -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=512 -print_final_stats=1

FUZZ_SERVER := .build/fuzz-http
define with-server
	rm -rf $(FUZZ_SERVER); mkdir -p $(FUZZ_SERVER)
	FUZZ_SECRET=secret .build/release/flow serve Tests/fuzz_http.flow --create --store $(FUZZ_SERVER)/store.db \
	  --addr 127.0.0.1:18090 --log-level warn & server=$$!; trap "kill $$server 2>/dev/null" EXIT; sleep 2; \
	  $(1) && kill $$server && wait $$server
endef
HTTP_FUZZ_SECONDS ?= 60
fuzz-http: build ## fuzz HTTP, WebSocket and deployments of a server for HTTP_FUZZ_SECONDS
	$(call with-server,python3 Tests/fuzz_http.py 18090 $(HTTP_FUZZ_SECONDS))

LIVEZ_SECONDS ?= 5
livez-under-load: build ## measure the latency of /livez while each expensive request runs at full rate
	$(call with-server,python3 Tests/livez.py 18090 $(LIVEZ_SECONDS))

SARIF_ENV := .build/sarif
check-sarif: build ## validate SARIF output against the models of sarif-pydantic
	test -x $(SARIF_ENV)/bin/python || { python3 -m venv $(SARIF_ENV) && $(SARIF_ENV)/bin/pip install -q sarif-pydantic; }
	.build/release/flow lint --preset strict --exit-zero --format sarif --output $(SARIF_ENV)/flow.sarif \
	  Tests/FlowCompilerTests/Corpus/codes
	$(SARIF_ENV)/bin/python -c 'from sarif_pydantic import Sarif; \
	  log = Sarif.model_validate_json(open("$(SARIF_ENV)/flow.sarif").read()); \
	  print(len(log.runs[0].results), "results fit SARIF", log.version)'

CLIENT := .build/client
check-client: build ## generate a typed Python client from /openapi.json and use it
	test -x $(CLIENT)/bin/openapi-python-client || { python3 -m venv $(CLIENT) && \
	  $(CLIENT)/bin/pip install -q openapi-python-client; }
	rm -rf $(CLIENT)/generated $(CLIENT)/order.db*
	WAREHOUSE_URL=http://127.0.0.1:1 .build/release/flow serve templates/order/order.flow --allow-private \
	  --create --store $(CLIENT)/order.db --addr 127.0.0.1:18091 --log-level warn & server=$$!; \
	  trap "kill $$server 2>/dev/null" EXIT; sleep 2; \
	  $(CLIENT)/bin/openapi-python-client generate --url http://127.0.0.1:18091/openapi.json \
	    --output-path $(CLIENT)/generated >$(CLIENT)/log 2>&1 || { cat $(CLIENT)/log; exit 1; }; \
	  PYTHONPATH=$(CLIENT)/generated $(CLIENT)/bin/python Tests/typed_client.py http://127.0.0.1:18091

TIME_ENV := .build/time
CASES ?= 1000
check-time: setup ## compare CASES random schedules and zones with croniter and zoneinfo
	test -x $(TIME_ENV)/bin/python || { python3 -m venv $(TIME_ENV) && \
	  $(TIME_ENV)/bin/pip install -q croniter==6.0.0 tzdata==2025.2; }
	$(TIME_ENV)/bin/python Tests/FlowMachineTests/time_cases.py $(CASES) $$(date +%s) >$(TIME_ENV)/cases.txt
	swift build --build-tests
	FLOW_TIME_CASES=$(CURDIR)/$(TIME_ENV)/cases.txt swift test --skip-build --filter TimeCaseTests

SCHEMATHESIS := .build/schemathesis
EXAMPLES ?= 50
schemathesis: build ## fuzz two samples against their OpenAPI document
	test -x $(SCHEMATHESIS)/bin/schemathesis || { python3 -m venv $(SCHEMATHESIS) && \
	  $(SCHEMATHESIS)/bin/pip install -q schemathesis; }
	for sample in order approval; do for caller in anyone admin reader; do \
	  echo "== $$sample, as $$caller"; rm -f $(SCHEMATHESIS)/$$sample.db* $(SCHEMATHESIS)/keys.toml; \
	  scopes="--scope read"; keys="--keys $(SCHEMATHESIS)/keys.toml"; \
	  [ $$caller = admin ] && scopes="$$scopes --scope send --scope work --scope operate --scope deploy"; \
	  FLOW_KEY=$$(.build/release/flow key new --name $$caller $$scopes $$keys) || exit 1; export FLOW_KEY; \
	  [ $$caller = anyone ] && keys=; \
	  WAREHOUSE_URL=http://127.0.0.1:1 PAYMENTS_URL=http://127.0.0.1:1 .build/release/flow serve \
	    samples/$$sample.flow --create --store $(SCHEMATHESIS)/$$sample.db $$keys \
	    --addr 127.0.0.1:18089 --log-level warn & server=$$!; trap "kill $$server 2>/dev/null" EXIT; sleep 2; \
	  $(SCHEMATHESIS)/bin/schemathesis --config-file Tests/schemathesis.toml run \
	    http://127.0.0.1:18089/openapi.json --max-examples $(EXAMPLES) --request-timeout 10 || exit 1; \
	  kill $$server; wait $$server || exit 1; \
	done; done

AUTOBAHN := .build/autobahn
PYTHON2 ?= $(shell for python in python2.7 $(HOME)/.pyenv/versions/2.7.*/bin/python2.7; do \
	"$$python" -c "" 2>/dev/null && echo "$$python" && break; done)
autobahn: setup ## run the Autobahn WebSocket test suite (requires Python 2.7, ten minutes)
	@test -x $(AUTOBAHN)/bin/wstest -o -n "$(PYTHON2)" || { \
	  echo "the Autobahn test suite requires Python 2.7: install it, or set PYTHON2=PATH" >&2; exit 1; }
	test -x $(AUTOBAHN)/bin/wstest || { "$(PYTHON2)" -m pip install -q --target $(AUTOBAHN)/setup virtualenv && \
	  PYTHONPATH=$(AUTOBAHN)/setup "$(PYTHON2)" -m virtualenv -q $(AUTOBAHN) && \
	  $(AUTOBAHN)/bin/pip install -q autobahntestsuite; }
	swift build -c release --product WebSocketEcho
	rm -rf $(AUTOBAHN)/reports
	.build/release/WebSocketEcho 19001 & server=$$!; trap "kill $$server 2>/dev/null" EXIT; sleep 1; \
	  $(AUTOBAHN)/bin/wstest -m fuzzingclient -s Tests/autobahn.json >$(AUTOBAHN)/log
	python3 Tests/autobahn.py $(AUTOBAHN)/reports/index.json

format: ## format Swift sources
	swift format --in-place --recursive Sources Tests Package.swift

lint: ## check the format of Swift sources
	swift format lint --strict --recursive Sources Tests Package.swift

clean: ## remove build products
	rm -rf .build
