# The verbs of the project. `make demo` and `make test` do all their own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Nothing of a developer's or user's own state is touched: the demo has a home of its own.
DEMO_HOME ?= $(CURDIR)/.demo
# The pair that the figures were measured with; any that pyproject.toml allows will do.
TORCH ?= torch==2.14.1 torchvision==0.29.1

.PHONY: help demo test faults check fix bench screenshots clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 10

$(BIN)/heaters: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: apt install python3 python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[embedded,ui,dev]'
	@touch $@

demo: $(BIN)/heaters  ## build a sample reel with known cuts and run the whole pipeline on it
	@HEATERS_HOME=$(DEMO_HOME) $(BIN)/heaters demo

# Most tests wait for processes that they started: two at a time fill two cores. A file stays with one process.
test: $(BIN)/heaters  ## run the tests
	@$(BIN)/pytest -q -m "not alone" --numprocesses 2 --dist loadfile --no-loadscope-reorder
	@$(BIN)/pytest -q -m alone

faults: $(BIN)/heaters  ## the long kill matrix and two runs at once, ten times
	@HEATERS_REPEAT=$${HEATERS_REPEAT:-10} $(BIN)/pytest -q -m faults --timeout 3600

check: $(BIN)/heaters  ## lint, types, formatting and generated documents; changes nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python docs/generate.py --check

fix: $(BIN)/heaters  ## format and mend what can be mended by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python docs/generate.py

bench: $(BIN)/heaters  ## the whole pipeline against a plain sequential script
	@$(BIN)/python benchmarks/pipeline.py

screenshots: $(BIN)/heaters  ## pictures of every tab and state of the UI, in docs/screenshots
	@HEATERS_HOME=$(DEMO_HOME)/screenshots $(BIN)/python docs/screenshots.py docs/screenshots

clean:  ## forget the demo's data
	@rm -rf $(DEMO_HOME)
