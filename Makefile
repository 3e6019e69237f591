# Needs Python >= 3.11 with venv and a package index; everything else it installs into .venv itself.

PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$each" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$each"; break; }; done)
SEED ?= 1
BIN := .venv/bin
IN_COMPANY := $(BIN)/python tests/package/company.py
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Bytecode is kept, or each process that a test starts would compile the package anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test full lint types imports docs unit wheel platforms nightly loops pythons lowest matrix golden newcomer bench fuzz clean

help:
	@echo "make demo   see it work: 25 checks against an embedded staging; FAULT=enum-in-log breaks it"
	@echo "make test   every check of a change"
	@echo "make full   what runs nightly: long profiles, every fault, twenty golden runs, fuzz, other"
	@echo "            loops and Pythons, lowest dependencies, a newcomer"
	@echo "make docs   the documentation, built strictly into build/site"
	@echo "make matrix the golden path against every fault; which check notices what"
	@echo "make bench  figures, each as a ratio to the bare library in the same run"
	@echo "make clean  remove what was built or installed here"

.venv/pip:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 with venv was found: install one, or name it with make PYTHON=..."; exit 1; }
	@echo "== making .venv with $(PYTHON)"
	@"$(PYTHON)" -m venv .venv
	@$(PIP) install --upgrade "pip>=25.1"
	@touch $@

.venv/runtime: .venv/pip pyproject.toml
	@echo "== installing the package and its dependencies into .venv"
	@$(PIP) install --editable ".[local]"
	@touch $@

.venv/development: .venv/runtime
	@echo "== installing the development tools into .venv"
	@$(PIP) install --group dev
	@touch $@

.venv/demo: .venv/runtime
	@echo "== installing pytest into .venv"
	@$(PIP) install --group demo
	@touch $@

.venv/docs: .venv/runtime
	@echo "== installing what builds the documentation into .venv"
	@$(PIP) install --group docs
	@touch $@

demo: .venv/demo
	@$(BIN)/python examples/demo.py $(FAULT)

# What is not pytest keeps one processor busy at a time, and pytest keeps two.
test: .venv/development .venv/docs
	@$(MAKE) --no-print-directory -j 2 lint types imports docs wheel
	@$(MAKE) --no-print-directory unit
	@echo "== all checks passed"

lint: .venv/development
	@echo "== ruff"
	@ruff check --quiet .
	@ruff format --quiet --check .

types: .venv/development
	@echo "== mypy --strict"
	@mypy
	@echo "== basedpyright on tests/typing and on the public surface"
	@basedpyright --level error
	@basedpyright --ignoreexternal --verifytypes netra_testkit > .venv/verifytypes.txt \
		|| { tail -40 .venv/verifytypes.txt; exit 1; }
	@grep -E "completeness score: 100%" .venv/verifytypes.txt

imports: .venv/development
	@echo "== import-linter"
	@lint-imports --no-logo 2>/dev/null || lint-imports

docs: .venv/docs
	@echo "== the documentation, strict"
	@mkdocs build --strict --quiet

unit: .venv/development
	@echo "== pytest with branch coverage"
	@coverage erase
	@$(IN_COMPANY) coverage run -m pytest --quiet -m "not broad and not nightly"
	@coverage combine --quiet
	@coverage report
	@echo "== pytest on what is broad: whole suites, many examples, matrices"
	@$(IN_COMPANY) python -m pytest --quiet -m "broad and not nightly"

wheel: .venv/development
	@echo "== the built wheel in a fresh environment"
	@python tests/package/wheel_smoke.py

full: platforms nightly matrix golden fuzz loops pythons lowest newcomer
	@echo "== all nightly checks passed"

platforms: .venv/development
	@for each in win32 darwin; do echo "== mypy --strict for $$each"; mypy --platform "$$each" || exit 1; done

# A gate says the same of the same code; `make nightly SEED=$$RANDOM` looks elsewhere.
nightly: .venv/development
	@echo "== the long profiles, seed $(SEED)"
	@HYPOTHESIS_PROFILE=nightly python -m pytest -n 2 --quiet --timeout 1800 --hypothesis-seed=$(SEED) \
		-m "hypothesis or nightly" --ignore tests/golden_path

matrix: .venv/development
	@echo "== the golden path in every world"
	@python -m tests.golden_path.matrix

golden: .venv/development
	@echo "== twenty golden runs in a row: in order, by two workers, shuffled"
	@python -m pytest --quiet --timeout 1800 -m nightly tests/golden_path/test_kill_matrix.py -k "row"

newcomer: .venv/development
	@echo "== the README and the tutorial, followed to the letter by somebody new"
	@python -m tests.docs.newcomer

loops: .venv/development
	@for each in uvloop debug; do \
		echo "== the clients on a loop of the kind $$each"; \
		NETRA_TEST_LOOP=$$each $(IN_COMPANY) python -m pytest --quiet tests/clients || exit 1; done

pythons: .venv/development
	@python tests/package/environments.py every

lowest: .venv/development
	@python tests/package/environments.py lowest

bench: .venv/development
	@for each in tests/benchmarks/bench_*.py; do \
		python -m "tests.benchmarks.$$(basename "$$each" .py)" || exit 1; done

fuzz: .venv/development
	@$(PIP) install --group fuzz 2>/dev/null || echo "== atheris does not install here"
	@for each in tests/fuzz/fuzz_*.py; do \
		echo "== $$each for 60 s"; python -m "tests.fuzz.$$(basename "$$each" .py)" || exit 1; done

clean:
	@rm -rf .venv build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
