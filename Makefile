# `make demo` paints a picture, `make test` runs the tests; each sets up all it needs in $(VENV). `make test-all` runs those too that
# need Debian's packages of .ci/packages.

PYTHON ?= python3
VENV ?= .venv
PHOTO ?= cat
STYLE ?= starry-night
SIZE ?=
ARGS ?=
LESSONS ?= runs/lessons
BENCH ?= machine startup step time_to_quality

RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DECLARED := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
# A process for each core. To debug: ARGS='-n 0 --pdb'
PYTEST := $(RUN) -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

.PHONY: help demo test test-system test-all lint bench train-gpu clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  PYTHON=$(PYTHON) makes the environment $(VENV); PHOTO, STYLE and SIZE choose the demo's picture; ARGS goes to pytest or the benchmarks BENCH"

demo: $(VENV)/.demo ## Paint a real photo with what ships, into demo/
	@$(RUN) examples/demo.py $(PHOTO) $(STYLE) $(if $(SIZE),--size $(SIZE))

test: $(VENV)/.dev ## Run the tests that need no system package
	@$(PYTEST) -m 'not system' $(ARGS)

test-system: $(VENV)/.dev ## Run the tests that need a browser or the like
	@$(PYTEST) -m system $(ARGS)

test-all: test-system test ## Run all tests

lint: $(VENV)/.dev ## Check style, layout and types
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy

bench: $(VENV)/.dev ## Measure speed and quality (minutes; seconds with ARGS=--quick)
	@set -e; for each in $(BENCH); do echo "== $$each"; $(RUN) benchmarks/$$each.py $(ARGS); done

train-gpu: $(VENV)/.dev ## Train all that ships in 25 minutes of one GPU, from the pictures in LESSONS (see docs/training.md)
	@$(RUN) -m atelier.training.everything train --lessons $(LESSONS) --out runs/all --seconds 1500 $(ARGS)

clean: ## Remove caches, builds and the demo's pictures, but not the environment
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find benchmarks examples src tests -name __pycache__ -type d -exec rm -rf {} +

# Stamps, so that what is set up stays set up until the declared dependencies change. The package itself is installed in
# place: changed code needs no new installation.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "atelier needs Python 3.11 or later, this is " + sys.version.split()[0] + ": make PYTHON=python3.12, for example")'
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made $(DECLARED)
	@echo "Installing atelier with PyTorch (a large download, once)"
	@$(PIP) --editable '.[torch,demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.made $(DECLARED)
	@echo "Installing atelier with PyTorch and the tools for development (a large download, once)"
	@$(PIP) --editable '.[dev]'
	@touch $@
