# The targets people use. `make test` is what CI runs.

GO ?= go

.PHONY: all build demo test unit lint fuzz chaos bench-store bench-mail bench-dav test-cluster sbom clean

all: build

build: ## one static binary, no cgo
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/fachwerk ./cmd/fachwerk

sbom: build ## every module in the program, as CycloneDX
	$(GO) run ./deploy/sbom bin/fachwerk go.mod >bin/fachwerk.cdx.json

demo: ## mail, login and portal on loopback
	$(GO) run ./cmd/fachwerk demo

test: ## install what the tests need, run all of them, print seconds and budget
	$(GO) run ./test/run

test-cluster: ## the chart on a real Kubernetes API server; builds Kubernetes once
	$(GO) run ./test/run -cluster

unit: ## what runs without installing anything
	$(GO) test ./...

lint: ## golangci-lint, built if missing
	$(GO) run ./test/run -only format,lint

fuzz: ## every fuzz target for a few seconds
	$(GO) run ./test/run -only fuzz

chaos: ## two replicas killed and their database restarted under load, for half an hour
	FACHWERK_TEST_CHAOS=$${FACHWERK_TEST_CHAOS:-30m} $(GO) run ./test/run -only replicas

bench-store: ## writes a second on one account, SQLite and PostgreSQL at 0.5 ms round trip
	$(GO) run ./test/run -bench store

bench-mail: ## against Dovecot on the same machine, A B A B; findings in docs/performance.md
	$(GO) run ./test/run -bench mail

bench-dav: ## against Cyrus, Radicale and Apache on the same machine, A B A B
	$(GO) run ./test/run -bench dav

clean:
	rm -rf bin
