# The project's commands. Each works first and alone, from a clean clone; `make help` lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NODE := tests/clients/node
NODE_STAMP := $(NODE)/node_modules/.installed
GO := tests/clients/go
GO_STAMP := $(GO)/build/.installed
JAVA := tests/clients/java
JAVA_STAMP := $(JAVA)/target/.installed
KAFKA := tests/services/kafka
DJSTRIPE := tests/clients/djstripe
DJSTRIPE_STAMP := $(DJSTRIPE)/.venv/.installed
HORDAK := benchmarks/hordak
HORDAK_STAMP := $(HORDAK)/.venv/.installed
CLIENTS := $(NODE_STAMP) $(GO_STAMP) $(JAVA_STAMP) $(DJSTRIPE_STAMP)
PORT_OPTION = $(if $(PORT),--port $(PORT))

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(STAMP) ## Install everything into .venv

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned requirements into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: clients
clients: $(CLIENTS) ## Install the official clients that the tests drive (a missing tool skips its tests)

$(NODE_STAMP): $(NODE)/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing the Node test clients ..." && npm ci --silent --no-audit --no-fund --prefix $(NODE); \
	else echo "npm is not there: tests of the Node clients will be skipped." >&2; mkdir -p $(@D); fi
	@touch $@

$(GO_STAMP): $(GO)/go.sum $(wildcard $(GO)/*.go)
	@mkdir -p $(@D)
	@if command -v go >/dev/null; then \
		echo "Building the Go test client ..." && cd $(GO) && go build -o build/scenario .; \
	else echo "go is not there: tests of the Go client will be skipped." >&2; fi
	@touch $@

$(JAVA_STAMP): $(JAVA)/pom.xml $(wildcard $(JAVA)/src/*.java)
	@mkdir -p $(@D)
	@if command -v mvn >/dev/null; then \
		echo "Building the Java test client ..." && cd $(JAVA) && mvn -q -B compile; \
	else echo "mvn is not there: tests of the Java client will be skipped." >&2; fi
	@touch $@

.PHONY: browser
browser: $(STAMP) $(NODE_STAMP) ## Install Chromium for the tests of the hosted page (Debian, as root)
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium)

.PHONY: pictures
pictures: browser ## Photograph the hosted page into docs/images/checkout
	@$(BIN)/python -m tests.support.checkout_pictures

$(DJSTRIPE_STAMP): $(DJSTRIPE)/requirements.txt
	@echo "Installing dj-stripe into an environment of its own ..."
	@$(PYTHON) -m venv $(DJSTRIPE)/.venv
	@$(DJSTRIPE)/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: demo
demo: $(STAMP) ## Play the story of a payment, then stay up (STAY=0 ends, PORT=... chooses)
	@$(BIN)/hazina demo $(if $(filter 0,$(STAY)),--no-stay) $(PORT_OPTION)

.PHONY: serve
serve: $(STAMP) ## Start the system without the story (PORT=... chooses)
	@$(BIN)/hazina serve $(PORT_OPTION)

.PHONY: test
test: $(STAMP) $(CLIENTS) ## Run all tests (ARGS=... goes to pytest, WORKERS=... in parallel)
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

.PHONY: check
check: $(STAMP) ## Check format, style, types and the rules of the house
	@$(BIN)/ruff format --check --quiet . || { echo "Run make format." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 0 tests/architecture
	@$(BIN)/python -m tests.architecture.long_files

.PHONY: format
format: $(STAMP) ## Put all files into the one format
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

.PHONY: docs
docs: $(STAMP) ## Generate docs/reference from the code
	@$(BIN)/python -m docs_build

.PHONY: samples
samples: $(STAMP) ## Record one sample of each event type into docs/reference/event-samples
	@HAZINA_SAMPLES=record $(BIN)/python -m pytest -q -n 0 tests/contract/test_event_samples.py

.PHONY: bench
bench: $(STAMP) ## Measure payments per second against two floors
	@$(BIN)/python -m benchmarks.payments $(ARGS)

$(HORDAK_STAMP): $(HORDAK)/requirements.txt
	@echo "Installing django-hordak into an environment of its own ..."
	@$(PYTHON) -m venv $(HORDAK)/.venv
	@$(HORDAK)/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: bench-ledger
bench-ledger: $(STAMP) $(HORDAK_STAMP) ## Measure the ledger beside django-hordak, row by row and COPY
	@$(BIN)/python -m benchmarks.ledger $(ARGS)

.PHONY: bench-ledger-growth
bench-ledger-growth: $(STAMP) ## Measure the ledger with 20 million transfers stored (takes long)
	@$(BIN)/python -m benchmarks.ledger_growth $(ARGS)

.PHONY: bench-lists
bench-lists: $(STAMP) ## Measure lists and searches of a merchant with a million payments
	@$(BIN)/python -m benchmarks.lists $(ARGS)

.PHONY: bench-relay
bench-relay: $(STAMP) services-kafka ## Measure how fast the relay carries a log of events to Kafka
	@$(BIN)/python -m benchmarks.relay $(ARGS)

.PHONY: bench-beside
bench-beside: $(STAMP) services-kafka ## Measure payments with webhooks and the relay beside them, and without
	@$(BIN)/python -m benchmarks.beside $(ARGS)

.PHONY: bench-webhooks
bench-webhooks: $(STAMP) ## Measure webhooks: backlog, latency, and others beside one that hangs
	@$(BIN)/python -m benchmarks.webhooks $(ARGS)

.PHONY: faults
faults: $(STAMP) ## Run the whole matrix of crashes and provider faults (takes long)
	@HAZINA_FAULTS=whole $(BIN)/python -m pytest -n $(WORKERS) tests/faults $(ARGS)

.PHONY: lock
lock: $(STAMP) ## Compile requirements/*.in to pinned and hashed *.txt
	@for name in runtime dev; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-header --no-annotate --output-file requirements/$$name.txt requirements/$$name.in >/dev/null \
			|| exit 1; done
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --output-file $(DJSTRIPE)/requirements.txt $(DJSTRIPE)/requirements.in >/dev/null
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --output-file $(HORDAK)/requirements.txt $(HORDAK)/requirements.in >/dev/null

.PHONY: services
services: browser services-redis services-kafka ## Install the services that tests use when they are there

.PHONY: services-redis
services-redis: ## Install the Redis that its tests start (Debian; skipped without it)
	@command -v redis-server >/dev/null || { apt-get update -qq && apt-get install -y -qq redis-server; }

.PHONY: services-kafka
services-kafka: ## Fetch the Kafka that its tests start (needs Java and Maven; skipped without them)
	@if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then \
		echo "java or mvn is not there: tests with Kafka will be skipped." >&2; \
	elif ! ls $(KAFKA)/target/lib/kafka_2.13-*.jar >/dev/null 2>&1; then \
		echo "Fetching Apache Kafka's jars ..." && cd $(KAFKA) && mvn -q -B dependency:copy-dependencies; fi

.PHONY: clean
clean: ## Remove what was installed and built; var/, the data, stays
	@rm -rf $(VENV) $(NODE)/node_modules $(GO)/build $(JAVA)/target $(KAFKA)/target $(DJSTRIPE)/.venv $(HORDAK)/.venv build dist src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
