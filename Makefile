# Every target first makes sure that the tools it needs are there:
# scripts/prerequisites installs what is missing, or says how to.

CARGO ?= cargo
# Arguments for the program or the tests, for example: make demo ARGS=--once
ARGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

.PHONY: demo
demo: prerequisites ## see it work on this machine in a minute (ARGS=--once: run through and stop)
	$(CARGO) run --locked --profile quick -- demo $(ARGS)

.PHONY: test
test: prerequisites ## run every test (ARGS=name: only those)
	$(CARGO) test --locked $(ARGS)

.PHONY: lint
lint: prerequisites-lint ## formatting and clippy, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

.PHONY: check
check: lint test ## lint, then test: what a change must pass

.PHONY: build
build: prerequisites ## the release binary: target/release/nexmo-gate
	$(CARGO) build --locked --release

.PHONY: deb
deb: prerequisites ## the Debian package: target/debian/nexmo-gate_*.deb
	scripts/deb release

.PHONY: test-service
test-service: prerequisites ## install the package in a booted systemd and try it all (root; ARGS=quick: a faster build)
	tests/service/run "$$(scripts/deb $(or $(ARGS),release))"

.PHONY: image
image: ## the container image nexmo-gate, with docker or podman (ARGS=--tag=name: more arguments)
	"$$(command -v docker || command -v podman)" build -f deploy/Dockerfile -t nexmo-gate $(ARGS) .

.PHONY: test-container
test-container: prerequisites ## build the image and run it as in a pod (root, podman; ARGS=quick: a faster build)
	tests/container/run $(or $(ARGS),release)

.PHONY: bench-side-by-side
bench-side-by-side: build ## CPU a request next to nginx and HAProxy, in one run (benches/side-by-side/README.md)
	benches/side-by-side/run $(ARGS)

.PHONY: prerequisites prerequisites-lint
prerequisites:
	@scripts/prerequisites
prerequisites-lint:
	@scripts/prerequisites lint
