# Two commands for a fresh machine: `make demo` and `make test`. Each makes .venv when it is missing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-web wheel lint types layers unit clean

demo: $(VENV)/.installed
	$(BIN)/seqsearch demo

test: $(VENV)/.installed lint types layers unit

# A wheel with machine code for every x86 processor with AVX2 and this Python, for whoever installs it.
wheel: $(VENV)/.installed
	$(BIN)/seqsearch warm-up --level x86-64-v3
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .

# The page in a browser: a chromium of the system (apt install chromium), steered from Python.
test-web: $(VENV)/.installed
	@command -v chromium chromium-browser google-chrome > /dev/null || { echo "no chromium: apt install chromium"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[web]'
	$(BIN)/python -m pytest -n 0 tests/service/test_page.py

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

layers: $(VENV)/.installed
	$(BIN)/lint-imports

unit: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto --dist loadgroup

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "seqsearch needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,greengenes]'
	$(BIN)/seqsearch warm-up
	touch $@

clean:
	rm -rf $(VENV) demo dist
