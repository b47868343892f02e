# The two commands of the README. Both set up what they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo case-study test smoke nightly evidence docs lint setup clean

demo: setup
	$(BIN)/qref verify qref/models

# What int8 costs a network for human activities, and the mixed model that wins it back: examples/deepconvlstm.
case-study: setup
	$(BIN)/python examples/deepconvlstm/study.py

test: setup lint
	$(BIN)/pytest -n auto
	NUMBA_BOUNDSCHECK=1 $(BIN)/pytest -q -n auto tests/kernels
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q -n auto tests/kernels
	$(BIN)/python tests/fuzz_models.py --count 1500 --run

# For every save: a few seconds.
smoke: setup
	$(BIN)/pytest -q tests/test_interpreter.py tests/test_bad_input.py tests/arithmetic/test_activation.py

# For every night: twenty times the drawn examples, and many mutated files.
nightly: setup
	HYPOTHESIS_PROFILE=nightly $(BIN)/pytest tests
	$(BIN)/python tests/fuzz_models.py --count 100000 --run

# Counts the drawn cases, elements and mismatches of every operator, types and runtime into qref/runtimes/evidence.json.
evidence: setup
	$(BIN)/python tests/conformance/record.py

# The site, in build/site. The variable silences a notice of the theme's about the future of mkdocs.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Types and the order of imports are checked on an installed copy, where kernels/ and schema/ are qref.kernels and qref.schema.
lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	rm -rf build/installed build/lib
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target build/installed .
	cd build/installed && ../../$(BIN)/mypy --config-file ../../pyproject.toml
	cd build/installed && PYTHONPATH=. ../../$(BIN)/lint-imports --config ../../pyproject.toml --no-cache

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
