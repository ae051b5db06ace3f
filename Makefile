# Verbs only. `make` prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .lendgate/bin
TOOLS := .lendgate/tools
BUF := tools/buf/node_modules/.bin/buf
SQLC := $(TOOLS)/sqlc
GOLANGCI := $(TOOLS)/golangci-lint
SDK := mobile-contracts/web
export CGO_ENABLED ?= 0

.PHONY: help
help: ## Print the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: run
run: build ## Start the whole platform on this machine and stay until Ctrl-C
	@exec $(BIN)/lendgate up

.PHONY: demo
demo: build ## Be a phone that takes a loan on the running platform (ARGS="--resume", ARGS="--json")
	@$(BIN)/lendgate demo $(ARGS)

.PHONY: doctor
doctor: build ## Look after the running platform: what lives, how much memory it takes
	@$(BIN)/lendgate doctor

.PHONY: build
build: ## Compile the one binary
	@mkdir -p $(BIN)
	@go build -o $(BIN)/lendgate ./cmd/lendgate

.PHONY: test
test: services ## Run all tests on a real PostgreSQL and Redis
	@LENDGATE_TEST_TEMPORALD=1 go test ./...

.PHONY: test-short
test-short: ## Run the tests that need seconds
	@go test -short ./...

.PHONY: services
services: ## Install a Redis server when this machine has none and lets us (tests go on without)
	@tools/install-redis

.PHONY: gen
gen: tools $(SDK)/node_modules ## Generate code from proto/ and queries/; git stays clean when nothing changed
	@$(BUF) generate
	@cd queries && ../$(SQLC) generate
	@cd $(SDK) && npm run --silent generate

.PHONY: tools
tools: $(BUF) $(SQLC) ## Install the generators: buf from npm, sqlc from its own Go module

$(BUF): tools/buf/package-lock.json
	@cd tools/buf && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $(BUF)

$(SQLC): tools/sqlc/go.mod tools/sqlc/go.sum
	@mkdir -p $(TOOLS)
	@cd tools/sqlc && go build -o ../../$(SQLC) github.com/sqlc-dev/sqlc/cmd/sqlc

$(SDK)/node_modules: $(SDK)/package-lock.json
	@cd $(SDK) && npm ci --no-audit --no-fund --silent
	@touch $@

$(GOLANGCI): tools/golangci/go.mod tools/golangci/go.sum
	@mkdir -p $(TOOLS)
	@cd tools/golangci && go build -o ../../$(GOLANGCI) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: test-sdk
test-sdk: $(BUF) $(SDK)/node_modules ## Test the TypeScript SDK: types, vectors, golden fixtures
	@cd $(SDK) && npm test --silent

.PHONY: replay
replay: $(SDK)/node_modules ## Replay the golden fixtures against the running platform, in JSON and in Protobuf
	@cd $(SDK) && npm run --silent replay -- --platform $(abspath $(or $(LENDGATE_DATA_DIR),.lendgate))/platform.json
	@cd $(SDK) && npm run --silent replay -- --platform $(abspath $(or $(LENDGATE_DATA_DIR),.lendgate))/platform.json --binary

.PHONY: fmt
fmt: $(BUF) ## Format Go and proto
	@gofmt -w $$(git ls-files '*.go' ':!gen')
	@$(BUF) format -w

.PHONY: lint
lint: $(BUF) $(GOLANGCI) ## Check form and contracts
	@test -z "$$(gofmt -l $$(git ls-files '*.go' ':!gen'))" || { gofmt -l $$(git ls-files '*.go' ':!gen'); exit 1; }
	@$(GOLANGCI) run ./...
	@$(BUF) lint
	@$(BUF) format --diff --exit-code

.PHONY: breaking
breaking: $(BUF) ## Check that contracts only grow against AGAINST (default: the last release, else the last commit)
	@$(BUF) breaking --against '.git#ref=$(or $(AGAINST),$(shell git describe --tags --abbrev=0 2>/dev/null || echo HEAD))'

.PHONY: drift
drift: gen ## Check that generated code is current
	@test -z "$$(git status --porcelain -- gen $(SDK)/gen)" || { git status --porcelain -- gen $(SDK)/gen; git diff -- gen $(SDK)/gen | head -50; exit 1; }

.PHONY: ci
ci: ## Everything that .ci/run checks
	@.ci/run
