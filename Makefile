# Two commands are all a newcomer needs: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# pip without its own advice; with --require-hashes nothing is installed that the lock does not name.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile pyproject.toml --no-config --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --annotation-style line

# Three processes for two cores, up to six; who is through first takes over from the others.
PARALLEL := -n auto --maxprocesses 6 --dist worksteal
KILLED := -k killed tests/test_kill.py tests/test_kill_lookups.py tests/relay/store/test_migrations.py

# Whatever a person's environment says: pytest would rewrite, and each process compile, all files anew.
test check golden: export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check bench chaos lint audit format golden docs lock clean

help: ## What there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(STAMP) ## Everything on this machine: sends one signed sample per source, shows what arrived
	@$(BIN)/mercately-relay demo

test: lint ## Linters, types, import rules and all tests, in six minutes
	@$(BIN)/python -m pytest $(PARALLEL)

check: lint ## Linters, types, import rules and the tests that wait for nothing, in a minute
	@$(BIN)/python -m pytest -q -m "not slow" --hypothesis-profile brief $(PARALLEL)

bench: $(STAMP)-bench ## Ours beside the others, in seven to twelve minutes; writes bench.json
	@$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: $(STAMP) ## Death at every Redis command, then 10,000 events while all is killed and stopped; CI=true: less
	@$(BIN)/python -m pytest -q $(KILLED) $(if $(filter true,$(CI)),,--every-kill-point)
	@$(BIN)/python -m tests.chaos $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

audit: $(STAMP) ## bandit on the code, and the locked versions against published advisories
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive relay worker config
	@$(BIN)/python .ci/audit.py requirements-dev.txt requirements-bench.txt

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

golden: $(STAMP) ## Write the golden files anew, for a person to read
	@$(BIN)/python -m pytest -q tests/relay/platforms/test_golden.py tests/relay/mapping tests/test_readme.py --update-golden

docs: $(STAMP) ## Write the page of each platform (config/platforms/) anew
	@$(BIN)/python -m relay.devtools.platform_pages

lock: $(STAMP) ## Lock what pyproject.toml asks for; ARGS=--upgrade takes the newest versions
	@$(LOCK) $(ARGS) --extra dashboard --output-file requirements.txt
	@$(LOCK) $(ARGS) --extra dev --constraint requirements.txt --output-file requirements-dev.txt
	@$(LOCK) $(ARGS) --extra bench --constraint requirements-dev.txt --output-file requirements-bench.txt

clean: ## Remove the environment and the demo's data
	rm -rf $(VENV) .relay

# One environment for all commands, made anew when the lock changes, so that nothing is left in it
# from an older one.
$(VENV)/.locked: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo "python3-venv is needed: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@echo "installing into $(VENV) …"
	@$(PIP) --require-hashes --requirement requirements-dev.txt
	@touch $@

# The build backend is in the lock too. Its warnings are about editable installs as such.
$(STAMP): pyproject.toml $(VENV)/.locked
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# A lock of their own: image and CI do without the peers.
$(STAMP)-bench: requirements-bench.txt $(STAMP)
	@echo "installing what it is compared with …"
	@$(PIP) --require-hashes --requirement requirements-bench.txt
	@touch $@
