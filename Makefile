# Two commands for a fresh machine: `make demo` and `make test`. Each makes .venv when it is missing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-web dist wheel docs man lint types layers unit clean

demo: $(VENV)/.installed
	$(BIN)/seqsearch demo

test: $(VENV)/.installed lint types layers unit

# What is published (tools/dist.py): a source distribution, a wheel for all, and one with machine code for this Python.
dist: $(VENV)/.installed man
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dist]'
	$(BIN)/python tools/dist.py dist

wheel: dist

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
