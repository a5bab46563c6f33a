# Each target does its own set-up; once that is done, it needs no network.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip install --disable-pip-version-check
RUN := PYTHONPATH=scripts $(VENV)/bin/python
PYTEST := pytest --numprocesses 6 --dist loadgroup --junitxml .reports/tests.xml
COVERAGE := $(RUN) -m coverage
SOURCES := scripts tests media
NODE := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
BIOME := $(NODE) $(VENV)/node/node_modules/.bin/biome check --error-on-warnings
MARKDOWNLINT := $(NODE) $(VENV)/node/node_modules/.bin/markdownlint-cli2
UV_LOCK := $(VENV)/bin/uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes --no-header

.PHONY: help demo demo-aws workshop quick test lint format lock media faults load bench bench-page least-privilege fuzz \
  fuzz-coverage coverage mutants security samples clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

demo: $(VENV)/installed samples ## the whole workshop in a minute, on this computer
	$(RUN) scripts/workshop.py demo

demo-aws: $(VENV)/installed samples ## the same in your account on AWS, without X: it asks first
	$(RUN) scripts/workshop.py demo --aws $(OPTIONS)

workshop: $(VENV)/installed-workshop samples ## the same, but it stays and the steps are yours
	$(RUN) scripts/workshop.py start

quick: lint ## what needs no server: lint, types, the template and the small tests
	$(RUN) -m pytest -m unit --numprocesses 2 --durations=0 --durations-min=2

test: $(VENV)/installed-test samples ## all tests
	$(RUN) -m $(PYTEST)

lint: $(VENV)/installed-test $(VENV)/installed-node ## format, style, types, spelling, the page and the template
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/mypy
	$(BIOME)
	$(MARKDOWNLINT)
	$(VENV)/bin/bandit --quiet --configfile pyproject.toml --recursive scripts media
	$(VENV)/bin/codespell
	$(RUN) scripts/inline_code.py format --check
	$(VENV)/bin/cfn-lint --regions eu-west-1 us-east-1 --include-checks I --template RekognitionWorkshopCFN.json

format: $(VENV)/installed-test $(VENV)/installed-node ## write everything as `make lint` wants it
	$(VENV)/bin/ruff check --fix --select I $(SOURCES)
	$(VENV)/bin/ruff format $(SOURCES)
	$(RUN) scripts/inline_code.py format
	$(BIOME) --write
	$(MARKDOWNLINT) --fix

lock: $(VENV)/installed-test $(VENV)/installed-node ## pin all dependencies of pyproject.toml's, with hashes
	$(UV_LOCK) --output-file .lock/build.txt --group build
	$(UV_LOCK) --output-file .lock/node.txt --group node
	$(NODE) npm install --prefix .lock --package-lock-only --omit-lockfile-registry-resolved
	$(UV_LOCK) --output-file .lock/demo.txt pyproject.toml
	$(UV_LOCK) --output-file .lock/workshop.txt --extra workshop pyproject.toml
	$(UV_LOCK) --output-file .lock/test.txt --extra test pyproject.toml

media: $(VENV)/installed-test ## draw all pictures again
	$(RUN) media/draw.py

faults: $(VENV)/installed samples ## everything that can go wrong does, and the ledger balances
	PYTHONPATH=scripts:tests $(VENV)/bin/python tests/faults/run.py --readme

load: $(VENV)/installed samples ## 5,000 photos as fast as they can be posted
	PYTHONPATH=scripts:tests $(VENV)/bin/python tests/faults/run.py --only load --posts 5000

bench: $(VENV)/installed-test samples ## speed and cost, beside v1's design
	PYTHONPATH=scripts:tests $(VENV)/bin/python -m bench

bench-page: $(VENV)/installed-test samples ## the page in a browser: what it takes to load, type, deploy and check
	PYTHONPATH=scripts:tests:media $(VENV)/bin/python -m bench.page

least-privilege: $(VENV)/installed-test samples ## the table of the roles' permissions
	$(RUN) -m pytest -q -s tests/security/test_least_privilege.py

fuzz: $(VENV)/installed-test ## 100,000 inputs for each parser, which takes a while
	FUZZ_INPUTS=100000 $(RUN) -m pytest -q --numprocesses auto --show-capture=no tests/security/test_fuzz.py

fuzz-coverage: $(VENV)/installed-fuzz ## the same by what the inputs reach; Linux, Python up to 3.13
	for target in lines picture upload; do \
	  PYTHONPATH=scripts:tests $(VENV)/bin/python tests/security/coverage_fuzz.py $$target -atheris_runs=100000 || exit 1; done

coverage: $(VENV)/installed-test samples ## which lines of scripts/ the tests run; at least 95 %
	rm -rf .cache/coverage
	mkdir -p .cache/coverage
	$(COVERAGE) run -m $(PYTEST)
	$(COVERAGE) combine --quiet
	$(COVERAGE) html --quiet
	$(COVERAGE) report
	$(COVERAGE) json --quiet -o .cache/coverage/all.json
	@$(RUN) -c 'import json, sys; \
	  lines = json.load(open(".cache/coverage/all.json"))["totals"]["percent_statements_covered"]; \
	  print(f"The tests run {lines:.1f} % of the lines."); sys.exit(lines < 95)'

mutants: $(VENV)/installed-test ## break the code in 1,850 places, and see what the tests notice
	PYTHONPATH=scripts:tests $(VENV)/bin/python -m mutants $(OPTIONS)

security: $(VENV)/installed-security ## checkov on the template, and pip-audit, which needs the network
	$(VENV)/security/bin/checkov --config-file .checkov.yaml
	$(VENV)/bin/python -m pip freeze > $(VENV)/security/frozen.txt
	$(VENV)/security/bin/pip-audit --disable-pip --no-deps --strict --requirement $(VENV)/security/frozen.txt

clean: ## back to a fresh clone
	rm -rf $(VENV) .cache .workshop .reports .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -exec rm -rf {} +

samples: $(VENV)/installed
	@$(RUN) -m kit.samples

$(VENV)/installed: .lock/build.txt .lock/demo.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This needs Python 3.11 or newer; you have %d.%d. Name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import platform as p, sys; sys.exit((p.system(), p.machine()) == ("Darwin", "x86_64") and "The face comparison, dlib-bin, has no build for Macs with Intel processors. Use Linux, in a container for example.")'
	@echo "Setting up $(VENV): this takes a minute or two, and only once."
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --requirement .lock/build.txt
	$(PIP) --require-hashes --no-build-isolation --requirement .lock/demo.txt
	@touch $@

$(VENV)/installed-workshop $(VENV)/installed-test: $(VENV)/installed-%: .lock/%.txt $(VENV)/installed
	$(PIP) --require-hashes --no-build-isolation --requirement $<
	@# The aws that pip writes cannot be run if the path of this folder has a space in it.
	@printf '#!/bin/sh\nexec "$${0%%/*}/python" -m awscli "$$@"\n' > $(VENV)/bin/aws
	@chmod +x $(VENV)/bin/aws
	@touch $@

# npm, and what it installs: Biome, which checks the page's files, and markdownlint.
$(VENV)/installed-node: .lock/node.txt .lock/package-lock.json $(VENV)/installed
	$(PIP) --require-hashes --requirement $<
	mkdir -p $(VENV)/node
	cp .lock/package.json .lock/package-lock.json $(VENV)/node
	$(NODE) npm ci --prefix $(VENV)/node --ignore-scripts --no-audit --no-fund
	@touch $@

# It brings other versions of our dependencies, so it gets an environment of its own.
$(VENV)/installed-security: $(VENV)/installed
	$(PYTHON) -m venv $(VENV)/security
	$(VENV)/security/bin/python -m pip install --disable-pip-version-check "pip>=25.1"
	$(VENV)/security/bin/python -m pip install --group security
	@touch $@

$(VENV)/installed-fuzz: $(VENV)/installed-test
	$(PIP) "pip>=25.1"
	$(PIP) --group fuzz
	@touch $@
