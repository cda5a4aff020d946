# Two commands are all a newcomer needs: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test bench chaos lint format golden clean

help: ## What there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(STAMP) ## Everything on this machine: sends one signed sample per source, shows what arrived
	@$(BIN)/mercately-relay demo

test: lint ## Linters, types, import rules and all tests
	@$(BIN)/python -m pytest

bench: $(STAMP)-bench ## Ours beside the others, in seven or eight minutes; writes bench.json
	@$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: $(STAMP) ## 10,000 events while all is killed and stopped; CI=true: 2,000, in four minutes
	@$(BIN)/python -m tests.chaos $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

golden: $(STAMP) ## Write the golden files anew, for a person to read
	@$(BIN)/python -m pytest -q tests/relay/inbound/test_platform_contract.py --update-golden

clean: ## Remove the environment and the demo's data
	rm -rf $(VENV) .relay

# One environment for both commands, made anew when what is declared changes.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 demo"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv is needed: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(STAMP)-bench: $(STAMP)
	@echo "installing what it is compared with …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@
