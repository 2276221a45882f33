# The only door: a person and CI call the same targets.
SHELL := /bin/bash
BIN := .bin/netstrip
NETSTRIP ?= $(BIN)
# Where .ci/install puts Go when the system's is too old.
export PATH := $(CURDIR)/.bin/go/bin:$(PATH)
# A test that boots guests is skipped where it cannot, unless this is set.
export NETSTRIP_REQUIRE_VM ?= 1

.PHONY: help demo apps test full check docs kernels bench-boot bench-size bench-build bench-bisect soak faults update clean deps $(BIN)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:
	@.ci/install

$(BIN):
	@go build -o $@ ./cmd/netstrip

demo: deps $(BIN) ## Build three kernels, boot them, show what breaks without networking
	@$(NETSTRIP) run full no-inet no-net

kernels: deps $(BIN) ## Build every kernel of the ladder
	@$(NETSTRIP) build

apps: export NETSTRIP_APPS = 1
apps: deps $(BIN) ## Start real applications on nine kernels, ask each with a real client, show what works
	@$(NETSTRIP) apps

test: kernels ## Every test, those that boot guests included
	go test -timeout 60m ./...

full: export NETSTRIP_FULL = 1
full: kernels ## All that test does, and what takes hours: Linux 6.1, defconfig, Debian's kernel, all applications
	go test -timeout 3h ./...
	NETSTRIP_SERIES=6.1 go test -timeout 3h ./vmtests -run 'TestMatrix|TestInits'
	NETSTRIP_SERIES=6.1 NETSTRIP_FULL= go test -timeout 3h ./vmtests -run 'TestApps$$'

check: deps ## gofmt, vet, staticcheck, and the tests that need no guest under the race detector
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	NETSTRIP_REQUIRE_VM= go test -race -short ./...
	@echo "check: no guest was booted; make test boots them"

bench-boot: kernels ## What netstrip adds to a bare boot, and what a second core brings
	go test ./vmtests -run XXX -bench Overhead -benchtime 21x
	go test ./vmtests -run XXX -bench Matrix -benchtime 5x

bench-size: kernels ## How big each kernel is, how fast it boots, and in how little memory
	go test -timeout 60m ./vmtests -run TestSizes -v -sizes

N ?= 1000
bench-build: deps ## What the ladder costs to build, against make of each config from scratch
	go test -timeout 3h ./kconfigs/kbuild -run XXX -bench Ladder -benchtime 1x

bench-bisect: deps ## How many kernels bisect tries, against the kernel's own config-bisect.pl
	go test -timeout 60m ./vmtests/bisect -run XXX -bench Bisect -benchtime 1x

soak: kernels ## Boot no-net and full alternately, N=1000 times, and see what leaks
	go test -timeout 5h ./vmtests -run TestSoak -v -soak $(N)

TABLE := $(if $(FULL),vmtests/testdata,.bin)/faults.md
faults: kernels ## Bring each fault about once, or FULL=1: 20 times, with a table
	for package in vmtests cmd/netstrip; do \
		go test -count=1 -timeout 90m ./$$package -run '^TestFaults$$' $(if $(FULL),-faults.tries=20) \
			-faults.table=$(CURDIR)/$(TABLE) || exit; done
	@cat $(TABLE)

docs: deps ## Write the pages of vmtests/docs from the expectations; a test checks that they are current
	go test ./vmtests/docs -count=1 -update

update: deps ## Rewrite the expectations from what the kernels do now; SERIES=6.1, FULL=1 for all
	NETSTRIP_SERIES=$(SERIES) NETSTRIP_FULL=$(FULL) go test -timeout 3h ./vmtests -run 'TestMatrix|TestInits|TestApps$$' -update
	@git --no-pager diff --stat -- vmtests/testdata vmtests/expect/testdata || true

clean: ## Remove what was built here (the cache of kernels stays: see netstrip doctor)
	rm -rf .bin results
