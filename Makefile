# The single entry point: people and CI use the same targets.
SHELL := /bin/bash
BIN := .bin/netstrip
NETSTRIP ?= $(BIN)
# .ci/install puts Go here if the system's is too old.
export PATH := $(CURDIR)/.bin/go/bin:$(PATH)
# If this is set, a test that cannot boot its guests fails; otherwise it is skipped.
export NETSTRIP_REQUIRE_VM ?= 1

.PHONY: help demo apps test full check docs kernels bench-boot bench-size bench-build bench-bisect soak faults update clean deps $(BIN)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What .ci/install adds: the tests need everything, the demo as little as possible.
NEEDS := $(if $(filter-out demo deps,$(MAKECMDGOALS)),apps) $(if $(filter test full check,$(MAKECMDGOALS)),tests) $(if $(filter test full,$(MAKECMDGOALS)),x86_64 arm64 riscv64)
deps:
	@.ci/install $(NEEDS)

$(BIN):
	@go build -o $@ ./cmd/netstrip

demo: deps $(BIN) ## Build three kernels, boot them, show what breaks without networking
	@$(NETSTRIP) run full no-inet no-net

kernels: deps $(BIN) ## Build the kernels that make test boots (vmtests/testdata/kernels.txt)
	@.ci/kernels | while read -r args; do $(NETSTRIP) build $$args </dev/null || [ -z "$$NETSTRIP_REQUIRE_VM" ] || exit; done

apps: export NETSTRIP_APPS = 1
apps: deps $(BIN) ## Start real applications on nine kernels, query them, show what works
	@$(NETSTRIP) apps

# The packages whose tests take longest. On two cores go test runs two packages at once, in the order
# named. If these came last, one core would be idle at the end.
LONGEST := ./vmtests ./cmd/netstrip
test: kernels ## Run the tests, including those that boot guests (make full: also those that take hours)
	go test -timeout 60m $(LONGEST) ./...

full: export NETSTRIP_FULL = 1
full: kernels ## Run all tests, for hours: all kernels of the table, three times each, and all applications
	go test -timeout 6h $(LONGEST) ./...

check: deps ## Run gofmt, vet, staticcheck, and the tests without guests under the race detector
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	NETSTRIP_REQUIRE_VM= go test -race -short ./...
	@echo "check: passed without booting a guest; make test boots them"

bench-boot: kernels ## Measure the overhead over a bare boot, and the speedup of a second core
	go test ./vmtests -run XXX -bench Overhead -benchtime 21x
	go test ./vmtests -run XXX -bench Matrix -benchtime 5x

bench-size: kernels ## Measure the size, boot time and least memory of each kernel
	go test -timeout 60m ./vmtests -run TestSizes -v -sizes

N ?= 1000
bench-build: deps ## Compare building the ladder with make of each config from scratch
	go test -timeout 3h ./kconfigs/kbuild -run XXX -bench Ladder -benchtime 1x

bench-bisect: deps ## Compare the number of kernels that bisect builds with config-bisect.pl's
	go test -timeout 60m ./vmtests/bisect -run XXX -bench Bisect -benchtime 1x

soak: kernels ## Boot no-net and full alternately, N=1000 times, and check for leaks
	go test -timeout 5h ./vmtests -run TestSoak -v -soak $(N)

TABLE := $(if $(FULL),vmtests/testdata,.bin)/faults.md
faults: kernels ## Cause each fault once (FULL=1: 20 times) and show a table
	for package in vmtests cmd/netstrip; do \
		go test -count=1 -timeout 90m ./$$package -run '^TestFaults$$' $(if $(FULL),-faults.tries=20) \
			-faults.table=$(CURDIR)/$(TABLE) || exit; done
	@cat $(TABLE)

docs: deps ## Write the pages of vmtests/docs from the expectations
	go test ./vmtests/docs -count=1 -update

update: deps ## Rewrite the expectations from what the kernels answer now; SERIES=6.1 ARCH=arm64 for one set, FULL=1 for all kernels
	NETSTRIP_SERIES=$(SERIES) NETSTRIP_ARCH=$(ARCH) NETSTRIP_FULL=$(FULL) go test -timeout 6h ./vmtests -run 'TestMatrix|TestInits|TestApps$$' -update
	@git --no-pager diff --stat -- vmtests/testdata vmtests/expect/testdata || true

clean: ## Remove .bin and results (not the kernel cache: see netstrip cache)
	rm -rf .bin results
