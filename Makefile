# make demo   set up .venv and run the demo          make test      all tests but slow and gpu
# make check  lint, format, types                    make test-all  everything

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SOURCES := colornet reports search spaces tests

export RAY_USAGE_STATS_ENABLED = 0

.PHONY: demo test test-all check format clean

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,heic,dev]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/colorsweep demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -m 'not slow and not gpu'

test-all: $(INSTALLED)
	$(BIN)/python -m pytest

check: $(INSTALLED)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ty check --python $(VENV) colornet reports search spaces

format: $(INSTALLED)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean:
	rm -rf $(VENV) demo
