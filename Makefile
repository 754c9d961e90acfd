# headroom: see README.md. Plain `make` explains the targets.

GO ?= go
RACE = -race -timeout 20m

.DEFAULT_GOAL := help
.PHONY: help build test tidy vet test-native test-sim test-race test-record generate bench bench-quick bench-callgrind explore soak fuzz fuzz-ci fuzz-gofuzz clean numa-tools test-numa report-tools test-report bench-cost cost-tools linux-source

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

# What measures has nothing that the simulator changes, but for the workloads that run on it.
SIMULATED = 'OnTheSimulatedMachine|SparesTheWrites'

test-sim: ## tests of the build with the simulator
	$(GO) test -tags sim $$($(GO) list ./... | grep -v /internal/tidy | grep -v /harness)
	$(GO) test -tags sim -run $(SIMULATED) ./harness/workload

# The race detector needs concurrency to look at: what runs real threads, and the ground below it. The simulator runs one coroutine at a time: only it and
# what it stands on are looked at in that build.
RACED = ./kernel/... ./designs/... ./internal/coro ./harness ./harness/cost ./harness/latency ./harness/measure ./harness/record
# Of the workloads those whose tests do not count on how much a millisecond holds.
RACED_WORKLOADS = 'EveryTaskIsServed|WritesAreRequeued|FlightRunsOut|ReplayServes'

test-race: ## tests of both builds under the race detector
	GORACE=atexit_sleep_ms=0 $(GO) test $(RACE) $(RACED)
	GORACE=atexit_sleep_ms=0 $(GO) test $(RACE) -run $(RACED_WORKLOADS) ./harness/workload
	GORACE=atexit_sleep_ms=0 $(GO) test $(RACE) -tags sim ./kernel/... ./internal/coro

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
	bin/headroom bench --quick --latest --trace harness/trace/testdata/sample-block.ftrace.gz --workload all

bench: build ## the full run, all workloads (under 25 min), and benchstat's table of it
	bin/headroom bench --latest --trace harness/trace/testdata/sample-block.ftrace.gz --trace harness/trace/testdata/sample-pages.ftrace.gz --workload all
	$(GO) tool benchstat -col /design results/latest/raw.txt

# Instructions of one alloc and free, as the difference of two runs, so that construction and the first refill do not count.
CALLGRIND = GOGC=off GOMAXPROCS=1 GODEBUG=asyncpreemptoff=1 valgrind --tool=callgrind --callgrind-out-file=/dev/null
BRANCH_BAR = 3
bench-callgrind: ## instructions that the branch for reservations costs, counted by callgrind (needs valgrind); fails above 3
	@command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind"; exit 2; }
	@mkdir -p build && $(GO) test -c -o build/page.test ./kernel/page
	@for pair in without:pairsPlain branch:pairsBranched promises:pairsBranched; do \
		for times in 10000 30000; do \
			$(CALLGRIND) --toggle-collect="headroom/kernel/page.$${pair#*:}" build/page.test -test.run '^$$' \
				-test.bench "ReservationBranch/$${pair%:*}\$$" -test.benchtime $${times}x 2>&1 | awk '/Collected :/ { print $$4 }'; \
		done | awk -v name=$${pair%:*} 'NR == 1 { few = $$1 } END { if (NR != 2) exit 1; printf "%-9s %.2f instructions a pair\n", name, ($$1 - few) / 20000 }' \
			|| { echo "callgrind gave no counts for $$pair" >&2; exit 1; }; \
	done | awk -v bar=$(BRANCH_BAR) '{ print; n[$$1] = $$2 } END { if (NR != 3) exit 1; more = n["branch"] - n["without"]; \
		printf "the branch costs %.2f instructions a pair, %s may be\n", more, bar; exit more > bar }'

explore: build ## look for failures in every variant the simulator can run, for 5 minutes
	bin/headroom soak --seconds 300

HOURS ?= 8
soak: build ## the same for HOURS=n hours (8), with programs and schedules of the day
	bin/headroom soak --seconds $$(awk 'BEGIN { print $(HOURS) * 3600 }') --seed $$(date +%j%H%M)

# Both fuzzers run every target of fuzz/target from the raw files of fuzz/corpus; their work files and findings are in build/fuzz.
FUZZTIME ?= 60s
FUZZTARGET ?= schedule
CAMPAIGN = build/fuzz/campaign

.PHONY: campaign
campaign:
	@mkdir -p build/fuzz && $(GO) build -tags sim -o $(CAMPAIGN) ./internal/campaign

fuzz: campaign ## every fuzz target under both fuzzers, FUZZTIME=60s each
	@$(CAMPAIGN) run --time $(FUZZTIME)

fuzz-ci: campaign ## the same for a moment each, after proof of the alarm by a canary (under 5 min); fails on any finding
	@$(CAMPAIGN) ci

fuzz-gofuzz: campaign ## go-fuzz as a coordinator and two workers over loopback, FUZZTARGET=schedule, FUZZTIME=60s
	@$(CAMPAIGN) loopback --time $(FUZZTIME) --target $(FUZZTARGET)

clean: ## remove what was built; results stay
	rm -rf bin build

report-tools: ## install the browser that make test-report uses (Debian: Chromium)
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends chromium

test-report: ## render sample reports in a headless browser and check them; leaves screenshots and prints in build/
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { echo "test-report: no Chromium: run make report-tools" >&2; exit 1; }
	$(GO) test -count=1 -tags browser -run TestBrowserRendersTheReport ./harness/report

# What one node cannot show: placement on several, in virtual machines under software emulation. Not part of test: it needs an emulator and a kernel.
NUMA_KERNEL ?= $(CURDIR)/build/numa/vmlinuz
NUMA_LAYOUTS = 2x2 4x2 2x2x2
# These suites run on the largest guest as well. They need no files, and end well within a guest's minute.
NUMA_PACKAGES = ./kernel/mem ./kernel/machine ./kernel/percpu ./kernel/lock
IN_GUEST = CGO_ENABLED=0 $(GO) test -count=1 -p 1 -exec "'$(CURDIR)/build/numa/boot' --kernel '$(NUMA_KERNEL)' --layout

numa-tools: ## install the emulator if it is not there (Debian, as root), unpack a kernel into build/numa
	command -v qemu-system-x86_64 >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends qemu-system-x86
	@mkdir -p build/numa
	cd build/numa && rm -rf unpacked linux-image-*.deb && \
		apt-get download -qq $$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $$2; exit }') && \
		dpkg-deb -x linux-image-*.deb unpacked && cp unpacked/boot/vmlinuz-* vmlinuz && rm -rf unpacked linux-image-*.deb

test-numa: ## placement on NUMA nodes, in virtual machines of 2 and 4 nodes; needs numa-tools
	@command -v qemu-system-x86_64 >/dev/null && test -f "$(NUMA_KERNEL)" || \
		{ echo "test-numa: no qemu-system-x86_64, or no kernel at $(NUMA_KERNEL): run make numa-tools" >&2; exit 1; }
	@mkdir -p build/numa
	CGO_ENABLED=0 $(GO) build -o build/numa/boot ./internal/numaboot/boot
	@set -e; for layout in $(NUMA_LAYOUTS); do \
		echo "guest of layout $$layout (nodes x cores [x threads]):"; \
		$(IN_GUEST) $$layout" -tags numa ./internal/numaboot; \
	done
	$(IN_GUEST) 4x2" $(NUMA_PACKAGES)

bench-cost: build ## the fast paths against the C originals of KERNEL=dir, in the same run (under 3 min); without KERNEL against published figures
	bin/headroom cost $(if $(KERNEL),--kernel '$(KERNEL)')

# Compiling the originals needs a C compiler with its library's headers, unpacking Debian's sources xz.
cost-tools: ## install what bench-cost KERNEL=... and linux-source need (Debian: gcc, libc6-dev, xz-utils)
	@command -v cc >/dev/null && command -v xz >/dev/null || \
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends gcc libc6-dev xz-utils; }

SOURCE = linux-source-6.12
ORIGINALS = Makefile mm/mempool.c lib/sbitmap.c lib/idr.c lib/xarray.c lib/radix-tree.h lib/objpool.c include/linux

linux-source: cost-tools ## put the originals' sources from Debian's linux-source-6.12 into build/linux-source-6.12, for bench-cost
	@mkdir -p build/$(SOURCE).deb
	cd build/$(SOURCE).deb && rm -f *.deb && { apt-get download -q $(SOURCE) || { apt-get update -q && apt-get download -q $(SOURCE); }; }
	dpkg-deb --fsys-tarfile build/$(SOURCE).deb/*.deb | tar -xO ./usr/src/$(SOURCE).tar.xz | tar -xJ -C build $(addprefix $(SOURCE)/,$(ORIGINALS))
	@rm -rf build/$(SOURCE).deb
	@echo "now: make bench-cost KERNEL=build/$(SOURCE)"
