# Verbs only. `make` prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .lendgate/bin
TOOLS := .lendgate/tools
BUF := tools/buf/node_modules/.bin/buf
SQLC := $(TOOLS)/sqlc
GOLANGCI := $(TOOLS)/golangci-lint
CONFORMANCE := $(TOOLS)/connectconformance
SDK := mobile-contracts/web
KOTLIN := $(TOOLS)/kotlin
WEB := web
BENCH := .lendgate/bench
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
	@LENDGATE_TEST_TEMPORALD=1 go test -timeout 20m ./...

.PHONY: test-short
test-short: ## Run the tests that need seconds
	@go test -short ./...

.PHONY: test-attack
test-attack: services ## Run the attack matrix on a platform of its own (ARGS=-update writes docs/security.md)
	@go test ./test/attack -count=1 -timeout 20m $(ARGS)

.PHONY: services
services: ## Install a Redis server when this machine has none and lets us (tests go on without)
	@tools/install-redis

.PHONY: gen
gen: tools $(SDK)/node_modules ## Generate code from proto/ and queries/; git stays clean when nothing changed
	@$(BUF) generate
	@$(BUF) generate --template tools/protoc-gen-openapi/buf.gen.yaml
	@$(BUF) generate test/conformance/proto --config test/conformance/modules.yaml --template test/conformance/buf.gen.yaml
	@cd queries && ../$(SQLC) generate
	@cd $(SDK) && npm run --silent generate
	@$(MAKE) --no-print-directory web

.PHONY: web
web: $(SDK)/node_modules $(WEB)/node_modules ## Bundle the SDK for the pages of web/; building the platform needs no Node
	@cd $(WEB) && npm run --silent bundle

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

$(WEB)/node_modules: $(WEB)/package-lock.json
	@cd $(WEB) && npm ci --no-audit --no-fund --silent
	@touch $@

$(GOLANGCI): tools/golangci/go.mod tools/golangci/go.sum
	@mkdir -p $(TOOLS)
	@cd tools/golangci && go build -o ../../$(GOLANGCI) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(CONFORMANCE):
	@GOBIN=$(abspath $(TOOLS)) go install connectrpc.com/conformance/cmd/connectconformance@v1.0.6

.PHONY: conformance
conformance: $(CONFORMANCE) ## Run the Connect project's conformance suite against the edge: Connect, gRPC, gRPC-Web on HTTP/1.1 and HTTP/2
	@cd test/conformance && go build -mod=mod -o ../../$(TOOLS)/conformance-server . && \
		$(abspath $(CONFORMANCE)) --mode server --conf config.yaml --known-failing @known-failing.txt --known-flaky @known-flaky.txt \
		-- $(abspath $(TOOLS))/conformance-server >../../$(TOOLS)/conformance.log 2>&1 || { grep -v '^INFO' ../../$(TOOLS)/conformance.log | tail -100; exit 1; }
	@tail -3 $(TOOLS)/conformance.log

.PHONY: test-sdk
test-sdk: $(BUF) $(SDK)/node_modules ## Test the TypeScript SDK: types, vectors, golden fixtures
	@cd $(SDK) && npm test --silent

.PHONY: test-web
test-web: $(SDK)/node_modules $(WEB)/node_modules ## Test the pages of web/: types, and a Chromium that takes a loan on a platform of its own
	@cd $(WEB) && npm run --silent check
	@tools/install-chromium
	@go test ./web ./test/web

.PHONY: test-signers
test-signers: ## Test the signers of other languages that this machine can run (Python; Kotlin with java and mvn)
	@if [ ! -d $(KOTLIN) ] && command -v mvn >/dev/null && command -v java >/dev/null; then \
		mvn -q -B -f mobile-contracts/signers/kotlin/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
			-DoutputDirectory=$(abspath $(KOTLIN)).part && mv $(KOTLIN).part $(KOTLIN) || rm -rf $(KOTLIN).part; fi
	@LENDGATE_TEST_KOTLIN=$$(test -d $(KOTLIN) && echo $(abspath $(KOTLIN))) \
		go test ./bff/signature -count=1 -run TestForeignSigners -v

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
	@test -z "$$(git status --porcelain -- gen test/conformance/gen $(SDK)/gen $(WEB)/cabinet/sdk.js)" || { git status --porcelain -- gen test/conformance/gen $(SDK)/gen $(WEB)/cabinet/sdk.js; git diff -- gen $(SDK)/gen | head -50; exit 1; }

.PHONY: bench
bench: bench-edge ## Run every bench (minutes): tables in docs/performance.md, figures in bench/results

.PHONY: bench-edge
bench-edge: bench-peers ## Measure the edge beside its peers (ARGS="-quick", ARGS="-only bare,ours-inproc"; -help lists all)
	@mkdir -p $(BENCH)/peers
	@go build -o $(BENCH)/ ./bench/edge ./bench/ours ./bench/backend
	@cd bench/peers && go build -mod=mod -o ../../$(BENCH)/peers/ ./...
	@$(BENCH)/edge $(ARGS)

.PHONY: bench-peers
bench-peers: services bench/peers/node/node_modules ## Install the peers of the bench that this machine lacks and lets us
	@tools/install-bench-peers

bench/peers/node/node_modules: bench/peers/node/package-lock.json
	@command -v npm >/dev/null || { echo "left out of the bench, as there is no npm: fastify, mercurius"; exit 0; }; \
		cd bench/peers/node && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules

.PHONY: bench-caddy
bench-caddy: ## Build caddy as one more peer of the bench (minutes); then: make bench-edge ARGS=-caddy
	@GOBIN=$(abspath $(TOOLS)) go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9

.PHONY: ci
ci: ## Everything that .ci/run checks
	@.ci/run
