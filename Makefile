# make help lists the targets.

STATICCHECK_VERSION = v0.8.2
GOVULNCHECK_VERSION = v1.8.0

# How long each fuzz target runs, and how often each benchmark (benchstat wants several).
FUZZTIME ?= 20s
COUNT    ?= 6
BENCH    ?= .

# How long the soak takes.
DURATION ?= 30m

# Packages that are quick enough for the race detector.
RACE ?= ./capture/... ./config ./detect ./flowtable ./internal/logging ./internal/telemetry ./output/... ./packet ./sensor/...

# Without git, or outside a clone, both are empty and 'weir version' says (devel).
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null)

LDFLAGS = -X main.version=$(VERSION) -X main.commit=$(COMMIT)
TOOLS   = $(CURDIR)/bin/tools

.PHONY: detection-report help build install-deps demo test race fuzz bench soak lint fmt vet staticcheck vuln image clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: install-deps ## build bin/weir
	go build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o bin/weir ./cmd/weir

install-deps: ## install libpcap's headers where they are missing (Debian, as root), or say what to install
	@if ! command -v go >/dev/null; then echo "Go is missing: see https://go.dev/dl/ (go.mod names the version)" >&2; exit 1; fi
	@if ! command -v gcc >/dev/null; then echo "gcc is missing: apt-get install gcc libc6-dev" >&2; exit 1; fi
	@if echo '#include <pcap/pcap.h>' | gcc -E - >/dev/null 2>&1; then exit 0; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libpcap-dev; \
	else echo "libpcap's headers are missing: install libpcap-dev (Debian, Ubuntu) or libpcap-devel (Fedora)" >&2; exit 1; fi

demo: build ## replay the capture in testdata and show what comes out
	bin/weir replay --windows --detect --labels testdata/demo.labels.tsv --out demo.out testdata/demo.pcap.gz
	bin/weir replay --detect testdata/demo.pcap.gz
	@echo; echo "The first of $$(wc -l < demo.out/flows.ndjson) flow records in demo.out/flows.ndjson:"
	@head -n 3 demo.out/flows.ndjson
	@echo; echo "The first of $$(wc -l < demo.out/windows.ndjson) windows of 50 packets in demo.out/windows.ndjson:"
	@head -n 1 demo.out/windows.ndjson
	@echo; echo "The first of $$(wc -l < demo.out/alerts.ndjson) alerts in demo.out/alerts.ndjson:"
	@head -n 1 demo.out/alerts.ndjson
	@id=$$(sed -n '/"detector":"scan"/{s/.*"id":"\([0-9a-f]*\)".*/\1/p;q;}' demo.out/alerts.ndjson); \
		echo; echo "One of them, as bin/weir explain $$id demo.out says it:"; echo; bin/weir explain $$id demo.out
	@rm -rf docs/demo-report; echo; bin/weir report demo.out -o docs/demo-report
	@echo "The report of all that lies in docs/demo-report: open report.html in a browser, or read report.md."

model: build ## fit the model of transports that comes with weir to the labelled corpus (CORPUS=../shared/corpus)
	bin/weir train transport --split capture --negative class=benign --negative class=attack \
		--labels $(CORPUS)/dev,$(CORPUS)/dev3 --rows bin/rows.csv --out detect/transport/builtin.json $(CORPUS)/dev $(CORPUS)/dev3
	awk 'NR == 1 || NR % 3 == 0' bin/rows.csv | gzip -9n > research/testdata/rows.csv.gz
	go test ./detect/transport ./research

test: install-deps ## run all tests
	go test ./...

race: install-deps ## run the race detector over the small packages
	go test -race -short $(RACE)

# Minimising is bounded by runs: by time, it takes a minute wherever coverage differs from run to run. Go's fuzzer may
# end with "context deadline exceeded" when the time is up while a worker is busy; without a failing input it found none.
fuzz: install-deps ## run every fuzz target for FUZZTIME (20s)
	@failed=; log=$$(mktemp); trap 'rm -f "$$log"' EXIT; for package in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x > "$$log" 2>&1; status=$$?; \
			cat "$$log"; [ $$status -eq 0 ] || \
				{ grep -q 'context deadline exceeded' "$$log" && ! grep -q -e 'Failing input' -e panic: "$$log"; } || \
				failed="$$failed $$target"; \
		done; \
	done; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

detection-report: install-deps ## what the detectors find and where they are wrong, capture by capture (WEIR_SHARED names the captures)
	go test ./detect/detectors -count=1 -run TestDetectionReport -v

bench: install-deps ## run the benchmarks (BENCH=regexp, COUNT=6); the output is for benchstat
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./...

soak: install-deps ## run weir live under a steady load for DURATION (30m), as root: memory and goroutines stay flat
	WEIR_SOAK=$(DURATION) go test ./cmd/weir -run '^TestLiveSoak$$' -count 1 -v -timeout 0

lint: fmt vet staticcheck vuln ## gofmt, go vet, staticcheck, govulncheck

fmt:
	@files=$$(gofmt -l $$(find . -name '*.go' -not -path './bin/*')); \
	if [ -n "$$files" ]; then echo "gofmt would change:" >&2; echo "$$files" >&2; exit 1; fi

vet: install-deps
	go vet ./...

staticcheck: install-deps
	GOBIN=$(TOOLS) go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	$(TOOLS)/staticcheck ./...

# Exit status 3 means that it found something; anything else that it could not look, which is no fault of the code.
vuln: install-deps
	@GOBIN=$(TOOLS) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION) || \
		{ echo "govulncheck skipped: it cannot be had here"; exit 0; }; \
	timeout 120 $(TOOLS)/govulncheck ./... || { status=$$?; [ $$status -ne 3 ] || exit 1; \
		echo "govulncheck skipped: its database cannot be reached from here (status $$status)"; }

image: ## build the container image
	docker build --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) -t weir:$(or $(VERSION),devel) .

clean: ## remove what the other targets made
	rm -rf bin demo.out
