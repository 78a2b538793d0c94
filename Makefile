# Two commands for a fresh machine: `make demo` and `make test`. Each makes .venv when it is missing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-web wheel docs man lint types layers unit clean

demo: $(VENV)/.installed
	$(BIN)/seqsearch demo

test: $(VENV)/.installed lint types layers unit

# A wheel with machine code for every x86 processor with AVX2 and this Python, for whoever installs it; with man pages.
wheel: $(VENV)/.installed man
	$(BIN)/seqsearch warm-up --level x86-64-v3
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .

# The site, into build/site: strict, its links checked, and without network (python3 -m http.server -d build/site).
docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# Man pages and shell completion, into build/share; wheels take them along where they are there.
man: $(VENV)/.installed
	$(BIN)/python tools/commands.py build

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
	rm -rf $(VENV) demo dist build
