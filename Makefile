# headroom: see README.md. Plain `make` explains the targets.

GO ?= go
RACE = -race -timeout 20m

.DEFAULT_GOAL := help
.PHONY: help build test tidy vet test-native test-sim test-race generate bench bench-quick bench-explore explore clean report-tools test-report

help: ## explain every target (this text)
	@echo "headroom compares kernel allocator designs. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/headroom (native) and bin/headroom-sim (with the simulator); creates build/
	@mkdir -p bin build
	$(GO) build -o bin/headroom ./cmd/headroom
	$(GO) build -tags sim -o bin/headroom-sim ./cmd/headroom

test: tidy vet test-native test-sim test-race ## everything CI runs: house rules, vet, tests of both builds, race detector

tidy: ## check the house rules (layers, sizes, names, comments, typed words)
	$(GO) test -count=1 ./internal/tidy

vet: ## go vet of both builds
	$(GO) vet ./...
	$(GO) vet -tags sim ./...

PACKAGES = $$($(GO) list ./... | grep -v /internal/tidy)

test-native: ## tests of the native build
	$(GO) test $(PACKAGES)

test-sim: ## tests of the build with the simulator
	$(GO) test -tags sim $(PACKAGES)

# The race detector needs concurrency to look at: what runs real threads, and the ground below it. The simulator runs one coroutine at a time.
RACED = ./kernel/... ./designs/... ./internal/coro ./harness/...

test-race: ## tests of both builds under the race detector
	GORACE=atexit_sleep_ms=0 $(GO) test $(RACE) $(RACED)
	GORACE=atexit_sleep_ms=0 $(GO) test $(RACE) -tags sim ./kernel/... ./designs/... ./internal/coro ./fuzz/...

generate: ## write the generated measuring loops anew
	$(GO) generate ./...

bench-quick: build ## a finished report in under 90 s; prints its path
	bin/headroom bench --quick --latest --trace harness/trace/testdata/sample-block.ftrace.gz --workload all

bench: build ## the full run, all workloads (under 15 min), and benchstat's table of it
	bin/headroom bench --latest --trace harness/trace/testdata/sample-block.ftrace.gz --trace harness/trace/testdata/sample-pages.ftrace.gz --workload all
	$(GO) tool benchstat -col /design results/latest/raw.txt

bench-explore: build ## how many executions a second the explorer runs
	bin/headroom explore --bench

explore: build ## look for failures in every design the simulator can run, for a minute each
	bin/headroom explore --design percpu_tags --variant lock --seconds 60

clean: ## remove what was built; results stay
	rm -rf bin build

report-tools: ## install the browser that make test-report uses (Debian: Chromium)
	apt-get install -y --no-install-recommends chromium

test-report: ## render sample reports in a headless browser and check them; leaves screenshots and prints in build/
	@command -v chromium chromium-browser google-chrome >/dev/null || { echo "no Chromium: install it with make report-tools"; exit 1; }
	$(GO) test -count=1 -tags browser -run TestBrowserRendersTheReport ./harness/report
