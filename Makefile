# Python of the virtual environment to use: make check PYTHON=.venv/bin/python
PYTHON ?= python

.DEFAULT_GOAL := help
.PHONY: help install check types test docs bench format ci

help:  ## list these targets
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install:  ## install the checkout, editable, with all that development needs
	$(PYTHON) -m pip install -c constraints.txt -e ".[dev]"

check: types test  ## everything that must hold before a commit
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:  ## both type checkers
	$(PYTHON) -m mypy
	$(PYTHON) -m pyright --pythonpath "$$(command -v $(PYTHON))"

test:  ## all tests; with ULTRAQA_REAL_DATA=FOLDER also those on published datasets
	$(PYTHON) -m pytest

docs:  ## hold README, docs and help texts to what the code does
	$(PYTHON) -m pytest tests/test_docs.py

bench:  ## measure speed on 10 MB, about a minute; benchmarks/README.md has the whole run
	$(PYTHON) benchmarks/run.py --sizes 10MB --short 0 --repeat 1 --out build/benchmark.json

format:  ## let ruff mend what it can
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

ci:  ## what the build server runs: clean environments, all checks, the wheel
	.ci/run
