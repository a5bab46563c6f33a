# Each target does its own set-up; once that is done, it needs no network.
PYTHON ?= python3
VENV := .venv
RUN := PYTHONPATH=scripts $(VENV)/bin/python
SOURCES := scripts tests media

.PHONY: demo workshop test faults load bench lint media least-privilege fuzz fuzz-coverage security clean samples

demo: $(VENV)/installed samples ## the whole workshop in a minute, on this computer
	$(RUN) scripts/workshop.py demo

workshop: $(VENV)/installed-workshop samples ## the same, but it stays and the steps are yours
	$(RUN) scripts/workshop.py start

test: $(VENV)/installed-test samples ## all tests
	$(RUN) -m pytest --numprocesses 3 --dist loadfile

faults: $(VENV)/installed samples ## everything that can go wrong does, and the books balance
	PYTHONPATH=scripts:tests $(VENV)/bin/python tests/faults/run.py

load: $(VENV)/installed samples ## 5,000 photos as fast as they can be posted
	PYTHONPATH=scripts:tests $(VENV)/bin/python tests/faults/run.py --only load --posts 5000

bench: $(VENV)/installed-test samples ## speed and cost, beside the first edition's design
	PYTHONPATH=scripts:tests:media $(VENV)/bin/python -m bench

lint: $(VENV)/installed-test ## format, style, types and the template
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/mypy
	$(VENV)/bin/bandit --quiet --configfile pyproject.toml --recursive scripts media
	$(VENV)/bin/cfn-lint --regions eu-west-1 us-east-1 --include-checks I --template RekognitionWorkshopCFN.json

media: $(VENV)/installed-test ## draw all pictures again
	$(RUN) media/draw.py

least-privilege: $(VENV)/installed-test samples ## the table of the roles' permissions
	$(RUN) -m pytest -q -s tests/security/test_least_privilege.py

fuzz: $(VENV)/installed-test ## 100,000 inputs for each parser, which takes a while
	FUZZ_INPUTS=100000 $(RUN) -m pytest -q --numprocesses auto --show-capture=no tests/security/test_fuzz.py

fuzz-coverage: $(VENV)/installed-fuzz ## the same by what the inputs reach; Linux, Python up to 3.13
	for target in lines picture upload; do \
	  PYTHONPATH=scripts:tests $(VENV)/bin/python tests/security/coverage_fuzz.py $$target -atheris_runs=100000 || exit 1; done

security: $(VENV)/installed-security ## checkov on the template, and pip-audit, which needs the network
	$(VENV)/security/bin/checkov --config-file .checkov.yaml
	$(VENV)/bin/python -m pip freeze --exclude serverless-bytes > $(VENV)/security/frozen.txt
	$(VENV)/security/bin/pip-audit --disable-pip --no-deps --strict --requirement $(VENV)/security/frozen.txt

clean: ## back to a fresh clone
	rm -rf $(VENV) .cache .workshop .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -exec rm -rf {} +

samples: $(VENV)/installed
	@$(RUN) -m kit.samples

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This needs Python 3.11 or newer; you have %d.%d. Name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import platform as p, sys; sys.exit((p.system(), p.machine()) == ("Darwin", "x86_64") and "The face comparison, dlib-bin, has no build for Macs with Intel processors. Use Linux, in a container for example.")'
	@echo "Setting up $(VENV): this takes a minute or two, and only once."
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check .
	@touch $@

# It brings other versions of our dependencies, so it gets an environment of its own.
$(VENV)/installed-security: $(VENV)/installed
	$(PYTHON) -m venv $(VENV)/security
	$(VENV)/security/bin/python -m pip install --disable-pip-version-check "pip>=25.1"
	$(VENV)/security/bin/python -m pip install --group security
	@touch $@

$(VENV)/installed-fuzz: $(VENV)/installed-test
	$(VENV)/bin/python -m pip install --disable-pip-version-check "pip>=25.1"
	$(VENV)/bin/python -m pip install --group fuzz
	@touch $@

$(VENV)/installed-%: $(VENV)/installed
	$(VENV)/bin/python -m pip install --disable-pip-version-check ".[$*]"
	@touch $@
