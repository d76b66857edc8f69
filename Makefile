# Every target first makes sure that the tools it needs are there:
# scripts/prerequisites installs what is missing, or says how to.

CARGO ?= cargo
# Arguments for the program or the tests, for example: make demo ARGS=--once
ARGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@sed -n 's/^\([a-z0-9-]*\): .*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

.PHONY: demo
demo: prerequisites ## see it work on this machine in a minute (ARGS=--once: run through and stop)
	$(CARGO) run --locked --profile quick -- demo $(ARGS)

.PHONY: dev
dev: prerequisites ## a gate for writing an application (docs/develop.md; ARGS="--to http://127.0.0.1:3000": yours)
	$(CARGO) run --locked --profile quick -- dev $(ARGS)

.PHONY: test
test: prerequisites-test ## run every test (ARGS=name: only those)
	$(CARGO) test --locked $(ARGS)

.PHONY: lint
lint: prerequisites-lint ## formatting and clippy, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

.PHONY: check
check: lint test ## lint, then test: what a change must pass

.PHONY: deny
deny: prerequisites ## licences, duplicates, sources and advisories of the dependencies (deny.toml)
	scripts/deny

# In seconds, for each target.
SECONDS ?= 15
.PHONY: fuzz
fuzz: ## fuzz the parsers from the stored corpus (ARGS=target: only that; SECONDS=600: longer)
	@scripts/prerequisites fuzz
	SECONDS_EACH=$(SECONDS) scripts/fuzz $(ARGS)

.PHONY: build
build: prerequisites ## the release binary: target/release/nexmo-gate
	$(CARGO) build --locked --release

.PHONY: deb
deb: prerequisites ## the Debian package: target/debian/nexmo-gate_*.deb
	scripts/deb release

.PHONY: test-service
test-service: prerequisites ## install the package in a booted systemd and try it all (root; ARGS=quick: a faster build)
	tests/service/run "$$(scripts/deb $(or $(ARGS),release))"

# podman's own format has no place for a health check; docker does not read the variable.
.PHONY: image
image: ## the container image nexmo-gate, with docker or podman (ARGS=--tag=name: more arguments)
	BUILDAH_FORMAT=docker "$$(command -v docker || command -v podman)" build -f deploy/Dockerfile -t nexmo-gate $(ARGS) .

.PHONY: test-container
test-container: prerequisites ## build the image and run it as in a pod (root, podman; ARGS=quick: a faster build)
	tests/container/run $(or $(ARGS),release)

.PHONY: bench
bench: build bench-tools ## every figure next to its goal, as the table of docs/performance.md (15 minutes on a machine that does nothing else)
	$(CARGO) bench --locked --profile cost --bench micro --no-run
	benches/all

.PHONY: bench-side-by-side
bench-side-by-side: build bench-tools ## CPU a request next to nginx and HAProxy, in one run (benches/side-by-side/README.md; ARGS=--all)
	benches/side-by-side/run $(ARGS)

.PHONY: bench-reload bench-idle bench-start
bench-reload: build bench-tools ## latency while lists are reloaded, and a list of a million prefixes
	benches/side-by-side/run reload
bench-idle: build bench-tools ## memory of 64 busy and of 10,000 idle connections
	benches/side-by-side/run idle
bench-start: build bench-tools ## from the start to ready, twenty times
	benches/side-by-side/run start

# Built with optimisation, and without the link-time part of it that takes most of a release's minutes.
COST := $(CARGO) bench --locked --profile cost --bench cost --

.PHONY: bench-micro
bench-micro: prerequisites ## the pure core by the clock, with criterion (ARGS=lookup: some of it)
	$(CARGO) bench --locked --profile cost --bench micro -- $(ARGS)

.PHONY: bench-timing
bench-timing: prerequisites ## whether the time of a verification tells where the first wrong byte of a signature is
	$(CARGO) bench --locked --profile cost --bench timing

.PHONY: bench-cost bench-cost-record
bench-cost: prerequisites ## instructions, allocations and system calls against benches/cost/bounds.txt; needs no quiet machine
	@scripts/prerequisites-long
	$(COST) check
bench-cost-record: prerequisites ## write benches/cost/bounds.txt anew
	@scripts/prerequisites-long
	$(COST) record

# A crate of its own: the program is built without it.
.PHONY: bench-tools
bench-tools: prerequisites ## the load that wrk cannot make
	$(CARGO) build --locked --release --manifest-path benches/load/Cargo.toml --target-dir $(or $(CARGO_TARGET_DIR),target)/load

.PHONY: test-release
test-release: build ## the black-box tests again, on the release binary
	NEXMO_GATE_TEST_BINARY="$(abspath $(or $(CARGO_TARGET_DIR),target))/release/nexmo-gate" \
		$(CARGO) test --locked --test it $(ARGS)

# The attackers are optimised too: they are to cost the gate more than themselves.
SIEGE := NEXMO_GATE_SIEGE=1 NEXMO_GATE_TEST_BINARY="$(abspath $(or $(CARGO_TARGET_DIR),target))/release/nexmo-gate" \
	$(CARGO) test --locked --profile cost --test siege --

.PHONY: siege siege-report
siege: build ## the release binary under every attack that we know (docs/siege.md; ARGS=soak, or names of attacks)
	$(SIEGE) $(ARGS)
siege-report: build ## the same, and the figures go into docs/siege.md
	$(SIEGE) report

.PHONY: test-over-tls
test-over-tls: prerequisites ## the black-box tests again, their senders speak TLS
	NEXMO_GATE_TEST_TRANSPORT=tls $(CARGO) test --locked --test it $(ARGS)

.PHONY: test-over-http2
test-over-http2: prerequisites ## the same over HTTP/2, by ALPN (NEXMO_GATE_TEST_TRANSPORT=h2c: without TLS)
	scripts/test-over-http2 $(ARGS)

.PHONY: test-page
test-page: prerequisites ## the status page and that of exchanges in headless Chromium
	@browser="$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" || { \
		echo "test-page: Chromium is missing; type: sudo apt-get install -y chromium" >&2; exit 1; }; \
	NEXMO_GATE_TEST_BROWSER="$$browser" $(CARGO) test --locked --test it _browser -- --ignored --nocapture

# The version is fixed: what counts as good changes with it.
SSLYZE := target/sslyze/bin/python3
$(SSLYZE):
	python3 -m venv target/sslyze
	target/sslyze/bin/pip install --quiet sslyze==6.3.1

.PHONY: test-tls-scan
test-tls-scan: prerequisites $(SSLYZE) ## sslyze scans a running gate: Mozilla's intermediate profile (needs python3-venv, openssl)
	$(CARGO) build --locked
	$(SSLYZE) -W ignore scripts/tls-scan target/debug/nexmo-gate

.PHONY: prerequisites prerequisites-lint prerequisites-test
prerequisites:
	@scripts/prerequisites
prerequisites-test:
	@scripts/prerequisites test
prerequisites-lint:
	@scripts/prerequisites lint

# What needs root, other programs or minutes. Tests that mostly wait for proxies and clocks run two at a time, the others
# alone, because they measure.
WAITING := doctor:: fronts:: simulate::
.PHONY: test-long
test-long: prerequisites ## the tests that need root, strace, faketime or minutes (NEXMO_GATE_SOAK_SECONDS=600: a release's soak)
	@scripts/prerequisites-long
ifeq ($(ARGS),)
	$(CARGO) test --locked --test it -- --ignored --test-threads=2 --nocapture $(WAITING)
	$(CARGO) test --locked --test it -- --ignored --test-threads=1 --nocapture $(patsubst %,--skip %,$(WAITING))
else
	$(CARGO) test --locked --test it -- --ignored --test-threads=1 --nocapture $(ARGS)
endif
	NEXMO_GATE_STORM_SECONDS=$${NEXMO_GATE_STORM_SECONDS:-60} $(CARGO) test --locked --test it storm -- --nocapture
	$(CARGO) test --locked --test oracles -- --ignored --test-threads=2 --nocapture

# Full size. `make test-long` has a small one.
.PHONY: oracles
oracles: build ## real applications judge 1,000,000 spellings, misbehaving ones 100,000 faults (20 minutes; ARGS=spelling, ARGS=answers)
	@scripts/prerequisites-long
	NEXMO_GATE_ORACLES=full NEXMO_GATE_TEST_BINARY="$(abspath $(or $(CARGO_TARGET_DIR),target))/release/nexmo-gate" \
		$(CARGO) test --locked --test oracles $(ARGS) -- --ignored --test-threads=1 --nocapture
