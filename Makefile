# Each target does its own set-up; once that is done, it needs no network.
PYTHON ?= python3
VENV := .venv
RUN := PYTHONPATH=scripts $(VENV)/bin/python
SOURCES := scripts tests media

.PHONY: demo workshop test bench lint media clean samples

demo: $(VENV)/installed samples ## the whole workshop in a minute, on this computer
	$(RUN) scripts/workshop.py demo

workshop: $(VENV)/installed-workshop samples ## the same, but it stays and the steps are yours
	$(RUN) scripts/workshop.py start

test: $(VENV)/installed-test samples ## all tests
	$(RUN) -m pytest --numprocesses 3 --dist loadfile

bench: $(VENV)/installed-test samples ## speed and cost, beside the first edition's design
	PYTHONPATH=scripts:tests:media $(VENV)/bin/python -m bench

lint: $(VENV)/installed-test ## format, style, types and the template
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/mypy
	$(VENV)/bin/cfn-lint --regions eu-west-1 us-east-1 --include-checks I --template RekognitionWorkshopCFN.json

media: $(VENV)/installed-test ## draw all pictures again
	$(RUN) media/draw.py

clean: ## back to a fresh clone
	rm -rf $(VENV) .cache .workshop .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -exec rm -rf {} +

samples: $(VENV)/installed
	@$(RUN) -m offline.samples

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This needs Python 3.11 or newer; you have %d.%d. Name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import platform as p, sys; sys.exit((p.system(), p.machine()) == ("Darwin", "x86_64") and "The face comparison, dlib-bin, has no build for Macs with Intel processors. Use Linux, in a container for example.")'
	@echo "Setting up $(VENV): this takes a minute or two, and only once."
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check .
	@touch $@

$(VENV)/installed-%: $(VENV)/installed
	$(VENV)/bin/python -m pip install --disable-pip-version-check ".[$*]"
	@touch $@
