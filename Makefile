# headroom: see README.md. Plain `make` explains the targets.

GO ?= go
RACE = -race -timeout 20m

.DEFAULT_GOAL := help
.PHONY: help build test tidy vet test-native test-sim test-race test-record generate bench bench-quick bench-explore explore clean

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

# 500 requests of 64 KiB by dd must be in the recording; a request may be cut in two, and none may be missing.
test-record: build ## record this machine's kernel for a moment, as root: the check of record that needs a real kernel
	bin/headroom record --seconds 20 --out build/test.stream -- dd if=/dev/zero of=build/test.bin bs=64k count=500 oflag=direct
	@n=$$(bin/headroom record --print build/test.stream | grep -c '"kind":"tag".*"comm":"dd"'); echo "$$n requests by dd, of 500 or more"; test $$n -ge 500
	@timeout --preserve-status -s INT 2 sh -c 'echo $$$$ > build/test.pid; exec bin/headroom record --seconds 60 --out build/test.stream'; test $$? -eq 130
	@bin/headroom record --print build/test.stream > build/test.json && echo "an interrupted recording is kept"
	@test ! -e /sys/kernel/tracing/instances/headroom-$$(cat build/test.pid) && echo "and its ring buffer is gone"
	@rm -f build/test.*

generate: ## write the generated measuring loops anew
	$(GO) generate ./...

bench-quick: build ## a finished report in under 90 s; prints its path
	bin/headroom bench --quick --latest --trace harness/trace/testdata/sample-block.ftrace.gz --workload fastpath --workload window --workload tag-exhaust

bench: build ## the full run (under 10 min) and benchstat's table of it
	bin/headroom bench --latest --trace harness/trace/testdata/sample-block.ftrace.gz --trace harness/trace/testdata/sample-pages.ftrace.gz --workload fastpath --workload window --workload tag-exhaust
	$(GO) tool benchstat -col /design results/latest/raw.txt

bench-explore: build ## how many executions a second the explorer runs
	bin/headroom explore --bench

explore: build ## look for failures in every design the simulator can run, for a minute each
	bin/headroom explore --design percpu_tags --variant lock --seconds 60

clean: ## remove what was built; results stay
	rm -rf bin build
