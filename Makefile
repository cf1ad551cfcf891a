# make demo   set up, answer a question on real EEG, say where the report is
# make test   set up, run the tests
# make check  set up, formatting, lint, types
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: demo test check clean
demo: $(READY)
	$(VENV)/bin/paribus run eeg-activations --out runs/demo --set seeds=3 --set train.epochs=10

test: $(READY)
	$(VENV)/bin/python -m pytest -n 3 --dist worksteal $(PYTEST_ARGS)

check: $(READY)
	scripts/check

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "paribus needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }
	@echo "Setting up $(VENV) (once, a few minutes) ..."
	$(PYTHON) -m venv $(VENV)
	@scripts/install $(VENV) dev
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
