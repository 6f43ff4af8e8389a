# make build   both programs, static, in bin/
# make demo    three hosts and a switch, from nothing, in under a minute (root)
# make test    everything: unit, race, integration (root for the last)
# make help    the other targets

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO      ?= go
# sudo has a path of its own, without the directory of Go's tarball.
export PATH := $(PATH):/usr/local/go/bin
# STATICCHECK is pinned here and not in go.mod, so that building the switch does not need what it needs.
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
# So is NFPM, which makes the Debian package.
NFPM ?= github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4
# And BENCHSTAT, which compares benchmarks.
BENCHSTAT ?= golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
DEBDIR   ?= bin
FUZZTIME ?= 5s
RUNNER   ?= $(CURDIR)/../shared/ryu-of13

.PHONY: build demo test race integration conformance lint fmt fuzz soak bench bench-doc bench-micro cross kernelpath deb clean help

build: ## both programs, static, in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/ofswitchd ./cmd/ofctl

demo: build ## three hosts in namespaces, the switch, pings, flows, TCP (root)
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/demo ./internal/demo
	@bin/demo

test: build ## unit tests, race tests, integration tests
	@scripts/install-peers
	$(GO) run ./internal/testreport -- $(GO) test -shuffle=on -timeout 20m ./...
	$(GO) run ./internal/testreport -- $(GO) test -race -shuffle=on -timeout 20m -skip '^TestIntegration' ./...

race: ## unit tests under the race detector
	$(GO) test -race -shuffle=on -skip '^TestIntegration' ./...

integration: build ## tests against the kernel, Open vSwitch's tools, os-ken, Mininet (root)
	@scripts/install-peers
	$(GO) run ./internal/testreport -- $(GO) test -count=1 -run '^TestIntegration' ./...

conformance: build ## the Ryu/os-ken switch tests, see docs/conformance.md (root); RUNNER=folder ARGS='meter/*'
	@scripts/install-peers
	@scripts/conformance $(RUNNER) $(ARGS)

lint: ## gofmt, go vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

fmt: ## gofmt all
	gofmt -w $$(git ls-files '*.go')

fuzz: ## each fuzz target for FUZZTIME
	@scripts/fuzz $(FUZZTIME)

soak: ## everything at once for LENGTH (1h): forwarding, changes, controllers, expiry, statistics; SEED repeats
	cd ofswitch && SOAK_LENGTH=$(or $(LENGTH),1h) SOAK_SEED=$(SEED) $(GO) test -count=1 -timeout 0 -v -run '^TestSoak$$' .

bench: build ## every line against Open vSwitch, and the goals, in some 20 minutes (root); LINE=tcp selects, LINE=-list names them
	@scripts/install-peers
	CGO_ENABLED=0 $(GO) build -o bin/bench ./bench
	bin/bench -bin bin -json bin/bench.json -svg bin/bench-charts $(LINE)

bench-doc: ## writes the last results of bench into docs/performance.md
	$(GO) run ./bench -from bin/bench.json -markdown docs/performance.md

bench-micro: ## the Go benchmarks against revision REV, by benchstat; PKG=./classifier BENCH=Lookup COUNT=6 select
	GO='$(GO)' BENCHSTAT=$(BENCHSTAT) BENCH='$(or $(BENCH),.)' scripts/bench-micro $(or $(REV),HEAD~1) $(PKG)

cross: ## builds for arm64, tests included
	GOARCH=arm64 CGO_ENABLED=0 $(GO) build ./...
	GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...

kernelpath: ## compiles the eBPF programs of ports/kernelpath with clang; what comes of it is in the repository
	ports/kernelpath/bpf/build.sh

deb: ## the Debian package in bin/, with its systemd unit; GOARCH=arm64 for that
	GO='$(GO)' NFPM=$(NFPM) scripts/deb $(DEBDIR)

clean: ## removes bin/
	rm -rf bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile
