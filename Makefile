# make demo   set up .venv and run the demo          make test      all tests but slow and gpu
# make check  lint, format, types, spelling          make test-all  everything
# make format mend what can be mended by itself      make coverage  `make test` with its branch coverage

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SOURCES := colornet reports search spaces tests
# One more than there are processors, as many tests wait for Ray, a browser or a process of their own;
# no more than eight, each of which loads torch.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); [ $$n -lt 8 ] && echo $$((n + 1)) || echo 8)
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

export RAY_USAGE_STATS_ENABLED = 0
# Every process of the tests would compile every file anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all coverage check format clean

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
	$(PYTEST) -m 'not slow and not gpu'

# The slow ones one after the other: benchmarks measure, and clusters want the machine.
test-all: test
	$(BIN)/python -m pytest -m 'slow or gpu'

coverage: $(INSTALLED)
	$(PYTEST) -m 'not slow and not gpu' --cov --cov-report=term:skip-covered

check: $(INSTALLED)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ty check --python $(VENV) colornet reports search spaces
	$(BIN)/typos $(SOURCES) docs *.md Makefile pyproject.toml

format: $(INSTALLED)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean:
	rm -rf $(VENV) demo
