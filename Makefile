# Every target makes its own virtual environment in .venv; all that is needed is Python >= 3.11 with venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := runtime codegen generated examples tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help bench bench-bulk bench-8gb install generate demo test lint format types check-generated pytest test-slow golden vectors chaos clean

help: ## Show what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv and install the project into it

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "oiafed-rpc needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "$(PYTHON) has no venv module; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) (once; about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

generate: $(STAMP) ## Regenerate generated/, the runtime's own messages and the JSON Schema of configurations
	$(BIN)/python -m oiafed_gen.bootstrap
	$(BIN)/python -m oiafed_rpc.config
	$(BIN)/oiafed-gen schema/

demo: generate ## Train a federation in memory, then as five processes over gRPC
	$(BIN)/python -m examples.fedavg

test: lint types check-generated pytest ## Everything CI runs: lint, type checks, generated code, tests

lint: $(STAMP) ## ruff, check and format
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

format: $(STAMP) ## Let ruff mend what it can
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

types: $(STAMP) ## mypy --strict and pyright strict
	$(BIN)/mypy
	$(BIN)/pyright

check-generated: $(STAMP) ## Fail where generated files do not match what they are made from
	$(BIN)/python -m oiafed_gen.bootstrap --check
	$(BIN)/python -m oiafed_rpc.config --check
	$(BIN)/oiafed-gen schema/ --check
	$(BIN)/python -m tests.vectors --check

pytest: $(STAMP) ## The tests alone
	$(BIN)/pytest -n auto

test-slow: $(STAMP) ## Heartbeats beside what is busy for a minute; more names, changes and random schemas; --against beside buf
	OIAFED_BUSY_SECONDS=60 $(BIN)/pytest tests/e2e/test_processes.py -k heartbeats
	OIAFED_THOROUGH=1 $(BIN)/pytest -n auto tests/typing/test_schema_change.py tests/unit/codegen/test_names_corpus.py tests/unit/codegen/test_random_schemas.py tests/unit/codegen/test_broken_schemas.py
	OIAFED_THOROUGH=1 $(BIN)/pytest -rs tests/unit/codegen/test_beside_buf.py

golden: $(STAMP) ## Rewrite the expected output of the generator's golden tests
	$(BIN)/python -m tests.golden.regenerate

vectors: $(STAMP) ## Rewrite the test vectors of docs/wire.md
	$(BIN)/python -m tests.vectors

chaos: $(STAMP) ## Break links and kill nodes at every step of calls, in 1,000 stories; renew docs/reliability
	$(BIN)/python -m tests.chaos --seeds 1000 --save docs/reliability/ledger.jsonl

bench: bench-bulk ## Measure large payloads, small calls, nodes that dial out, a thousand learners, the generator
	$(BIN)/python -m benchmarks.small_calls
	$(BIN)/python -m benchmarks.dial_out
	$(BIN)/python -m benchmarks.many_learners
	$(BIN)/python -m benchmarks.generation

bench-bulk: $(STAMP) ## Measure large payloads beside raw sockets, shared memory, grpc.aio and OiaFed; renew docs/benchmarks
	$(BIN)/python -m benchmarks.bulk --save docs/benchmarks

bench-8gb: $(STAMP) ## Send 8 GB through two processes of 512 MB each
	$(BIN)/python -m benchmarks.bulk 8gb --save docs/benchmarks

clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) .bench-env .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
