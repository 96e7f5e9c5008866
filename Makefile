# make          build asof into bin/
# make demo     build it and see it work
# make check    the checks and tests that need Go only, in about a minute
# make test     every check and every test; does its own set-up
# make lambda   the resolver as AWS Lambda functions, bin/asof-lambda-*.zip
# make terraform-test   the Terraform modules with the real providers, from the registry
# make bench    benchmarks
# make fuzz     every fuzz target for FUZZTIME
# make soak     the service under load for SOAKTIME
# make release  binaries, packages, SBOMs and checksums of this commit, into dist/

GO       ?= go
FUZZTIME ?= 30s
SOAKTIME ?= 1h
BIN      ?= bin
CACHE    := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/asof

# The real MinIO that tests run against, its client (to make users), and the
# linters: built from their Go modules at these versions, once.
MINIO_VERSION       := v0.0.0-20260212201848-7aac2a2c5b7c
MC_VERSION          := v0.0.0-20250313080218-cf909e1063a9
STATICCHECK_VERSION := v0.8.2
GOVULNCHECK_VERSION := v1.9.0
NFPM_VERSION        := v2.44.0
SBOM_VERSION        := v1.9.0
TFLINT_VERSION      := v0.64.0
MINIO       := $(CACHE)/minio-$(MINIO_VERSION)
MC          := $(CACHE)/mc-$(MC_VERSION)
STATICCHECK := $(CACHE)/staticcheck-$(STATICCHECK_VERSION)
GOVULNCHECK := $(CACHE)/govulncheck-$(GOVULNCHECK_VERSION)
NFPM        := $(CACHE)/nfpm-$(NFPM_VERSION)
SBOM        := $(CACHE)/cyclonedx-gomod-$(SBOM_VERSION)
TFLINT      := $(CACHE)/tflint-$(TFLINT_VERSION)

# npm modules, in a folder of the cache for each state of a package-lock.json.
BROWSER := $(CACHE)/browser-$(shell cksum <test/browser/package-lock.json | cut -d' ' -f1)
WORKERD := $(CACHE)/workerd-$(shell cksum <resolver/edge/testdata/package-lock.json | cut -d' ' -f1)

# The clients of Python indexes, in a folder of the cache for each state of their versions.
PYTHON := $(CACHE)/python-$(shell cat test/python/*.txt | cksum | cut -d' ' -f1)

# Optional: checks Terraform configuration offline, against stand-ins for the
# providers. It is called with folders.
TERRAFORM_CHECK ?= ../shared/terraform-check/terraform-check

.PHONY: build lambda demo check test setup format vet lint minio terraform-check terraform-test bench fuzz soak release clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o bin/asof ./cmd/asof

# For the runtime provided.al2023. The names are Lambda's for the architectures.
lambda: $(BIN)/asof-lambda-arm64.zip $(BIN)/asof-lambda-x86_64.zip

$(BIN)/asof-lambda-x86_64.zip: GOARCH = amd64
$(BIN)/asof-lambda-arm64.zip: GOARCH = arm64
$(BIN)/asof-lambda-%.zip: FORCE
	@mkdir -p $(BIN)
	CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) $(GO) build -trimpath -buildvcs=auto -tags lambda.norpc -ldflags '-s -w' -o $(BIN)/bootstrap-$* ./cmd/asof-lambda
	$(GO) run ./cmd/asof-lambda/pack $(BIN)/bootstrap-$* $@
	@rm $(BIN)/bootstrap-$*

FORCE:

demo: build
	bin/asof demo

# For while you work: everything that needs nothing but Go. The packages below
# need servers or a browser, so only make test runs them. In the others -short
# skips the tests that start a MinIO or take many seconds.
NOT_CHECKED = test test/bench resolver/edge internal/miniotest internal/objstore/s3store internal/objstore/miniostore

check: format vet
	$(GO) test -short $$($(GO) list ./... | grep -vxF $(NOT_CHECKED:%=-e github.com/asof/asof/%))

# What the tests are told. Screenshots of the pages are left in bin/test-output.
TESTENV = ASOF_TEST_MINIO=$(MINIO) ASOF_TEST_MC=$(MC) NFPM=$(NFPM) SBOM=$(SBOM) \
	ASOF_TEST_WORKERD=$(WORKERD)/node_modules ASOF_TEST_PYTHON_BIN=$(PYTHON)/bin \
	ASOF_TEST_BROWSER=$(BROWSER)/node_modules ASOF_TEST_OUTPUT=$(CURDIR)/bin/test-output

# The race detector is ten times slower, so the longest enumerations of the publisher's
# tests are a sample there, and whole without it.
test: setup lint minio $(NFPM) $(SBOM) $(BROWSER) $(WORKERD) $(PYTHON)/ready terraform-check
	$(TESTENV) .ci/tidy $(GO) test -race -timeout 30m ./...
	$(TESTENV) .ci/tidy $(GO) test ./publisher

# What tests use besides Go.
setup:
	.ci/setup

format:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these:" $$unformatted >&2; exit 1; fi

vet: $(STATICCHECK)
	$(GO) vet ./...
	$(STATICCHECK) -checks all,-ST1000,-ST1020,-ST1021,-ST1022 ./...

lint: format vet $(GOVULNCHECK)
	$(GO) mod verify
	@.ci/govulncheck $(GOVULNCHECK)

$(BROWSER):
	.ci/npm $@ test/browser

$(WORKERD):
	.ci/npm $@ resolver/edge/testdata

$(PYTHON)/ready:
	.ci/python $(PYTHON) test/python

# Formatting, lint, and validation and tests as far as they go offline.
terraform-check: $(TFLINT)
	@.ci/terraform offline $(TFLINT) "$(TERRAFORM_CHECK)"

terraform-test: $(TFLINT)
	@.ci/terraform online $(TFLINT)

minio: $(MINIO) $(MC)

$(MINIO):
	.ci/tool $@ github.com/minio/minio@$(MINIO_VERSION)

$(MC):
	.ci/tool $@ github.com/minio/mc@$(MC_VERSION)

$(STATICCHECK):
	.ci/tool $@ honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

$(GOVULNCHECK):
	.ci/tool $@ golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

$(TFLINT):
	.ci/tool $@ github.com/terraform-linters/tflint@$(TFLINT_VERSION)

# What asof is compared with comes from Debian packages. RUNLEVEL keeps their
# services from starting. BENCH holds flags: make bench BENCH=-quick
bench: minio
	@missing=; \
	for peer in rclone nginx wrk aptly; do \
		command -v $$peer >/dev/null || test -x /usr/sbin/$$peer || missing="$$missing $$peer"; \
	done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && RUNLEVEL=1 apt-get install -qy --no-install-recommends $$missing || \
			echo "could not install$$missing: going on without" >&2; \
	fi
	$(GO) run ./test/bench -minio $(MINIO) $(BENCH)
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

# PLATFORMS=linux/amd64 builds for that one only.
release: $(NFPM) $(SBOM)
	NFPM=$(NFPM) SBOM=$(SBOM) .ci/release dist

$(NFPM):
	.ci/tool $@ github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)

$(SBOM):
	.ci/tool $@ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(SBOM_VERSION)

soak:
	ASOF_SOAK=$(SOAKTIME) $(GO) test -run '^TestSoak$$' -timeout 0 -v ./resolver/service

clean:
	rm -rf bin dist
