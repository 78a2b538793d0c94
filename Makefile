# Two commands for a fresh machine: `make demo` and `make test`. Each makes .venv when it is missing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-web dist wheel docs man quick-files test-quick bench-quick figures lint types layers unit clean

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

QUICK = $(addprefix tests/,\
  ann/test_contract.py distances/test_distance_contract.py encoders/test_families.py search/test_index_contract.py \
  ann/test_ivf_files.py search/test_golden_indexes.py sequences/test_packed_golden.py store/test_store_golden.py \
  cli/test_commands.py cli/test_search.py cli/test_changing.py cli/test_bad_input.py cli/test_manual.py \
  search/test_pipeline.py search/test_results.py search/test_budget.py sequences/test_readers.py \
  sequences/test_coercion.py test_pages.py test_site.py test_figures.py test_registry.py test_file_writing.py)

quick-files:
	@echo $(QUICK)

# What may be run while one works, two minutes on two cores: contracts, golden files, one of every command, the pages.
test-quick: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(QUICK)

# As fast as the last release? make bench-quick BASE=v0.2.0, or a wheel; some minutes, old and new in turn.
bench-quick: $(VENV)/.installed
	@test -n "$(BASE)" || { echo "say what to compare with: make bench-quick BASE=TAG, a commit or a wheel"; exit 2; }
	$(BIN)/python benchmarks/quick.py $(BASE)

# Every figure of the pages again (hours; on a machine that does nothing else), and which differ by more than noise.
# FIGURES="--dry-run", "--only NAME", "--check" (the pages against the rows that are kept: nothing is measured).
figures: $(VENV)/.installed
	$(BIN)/python benchmarks/figures.py $(FIGURES)

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
