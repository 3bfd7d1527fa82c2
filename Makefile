# Two commands do everything on a machine with python3.11, pip, venv and make: `make demo` and `make test`.
PYTHON ?= python3.11
BIN    := .venv/bin
READY  := .venv/.ready
UV     := 0.13.9

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test attacks check coverage mutation format bench bench-full openapi \
	lock clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment with exactly the locked packages

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: $(READY) ## Watch a covenant work: five parties, two services, hits, opened fields, refusals (under two minutes)
	$(BIN)/covenantd demo $(ARGS)

serve: $(READY) ## Leave broker and key holder running with the demo's data; prints what to try
	$(BIN)/covenantd serve $(ARGS)

check: $(READY) ## Format, lint, strict types, import rules, and that the documentation names what exists
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest --quiet tests/docs

coverage: $(READY) ## See that the tests of the rules go through every line and branch of them (half a minute)
	COVENANT_TRIPLES=500 $(BIN)/pytest tests/rules -n auto --quiet -m "not speed and not source" \
	  --hypothesis-profile=brief --cov

mutation: $(READY) ## Change the rules' code in thousands of places and see the tests notice (hours; goes on where it stopped)
	COVENANT_TRIPLES=300 $(BIN)/python -m tests.rules.mutation $(ARGS)

test: check coverage ## Everything that must hold: the checks above and every test, PostgreSQL included
	$(BIN)/pytest -n auto --dist loadgroup $(ARGS)

attacks: $(READY) ## Kill broker, sequencer and PostgreSQL a hundred times under load, and miss nothing (ten minutes)
	COVENANT_KILLS=100 $(BIN)/pytest -q tests/audit/test_outages.py

format: $(READY) ## Rewrite the code in the project's format
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --fix --quiet .

bench: $(READY) ## Measure speed, ratios side by side, and rewrite the table in docs/performance.md
	$(BIN)/python -m tests.bench

bench-full: $(READY) ## The same with the slow ones: two parties of 100,000, ten million pseudonyms
	$(BIN)/python -m tests.bench --full

openapi: $(READY) ## Write openapi/broker.json and openapi/keyholder.json from the routes as they are
	$(BIN)/python -m tests.contract.documents

lock: $(READY) ## Resolve the dependencies anew into the two lock files
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --extra service --group dev --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --constraints requirements.lock --output-file requirements-client.lock pyproject.toml

clean: ## Remove what setup, tests and runs left behind
	rm -rf .venv var dist mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
