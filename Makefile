# The few commands that people and CI run alike. `make` alone lists them.
VENV ?= .venv
export VENV PYTHON
BIN := $(VENV)/bin
# Installed programs carry the folder's path, so a stamp counts only where it was made.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
READY := $(VENV)/.ready-$(HERE)
READY_FOR_TESTS := $(VENV)/.ready-for-tests-$(HERE)
METADATA := $(wildcard */pyproject.toml */hatch_build.py */package-lock.json \
	plugins/*/pyproject.toml plugins/*/hatch_build.py plugins/*/package-lock.json)

.DEFAULT_GOAL := help
.PHONY: help setup demo test fuzz stack pages screens pictures lint types imports check bench lock clean

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(READY) ## Make .venv and install everything the product needs

$(READY): requirements.lock $(METADATA)
	@tools/setup.sh run
	@touch $@

$(READY_FOR_TESTS): requirements.lock requirements-dev.lock $(METADATA)
	@tools/setup.sh test
	@touch $@ $(READY)

demo: $(READY) ## Make a course from the sample notes and the sample presenter
	@$(BIN)/coursewright run pipelines/talking_head_course.yaml \
		-i notes=examples/notes.md -i portrait=examples/presenter.svg -o output/demo --force
	@printf '\nWatch the film, or upload the package (.zip) to your LMS. Next, with your own notes and a photo:\n  %s\n' \
		'$(BIN)/coursewright run pipelines/talking_head_course.yaml -i notes=NOTES -i portrait=PHOTO -o my-course'

test: $(READY_FOR_TESTS) pages ## Run all tests; ARGS="-k words" passes options to pytest
	@$(BIN)/pytest $(ARGS)

fuzz: $(READY_FOR_TESTS) ## Ask the API thousands of questions; CASES=200 of each operation, SEED=7
	@COURSEWRIGHT_FUZZ=$(or $(CASES),60) COURSEWRIGHT_FUZZ_SEED=$(or $(SEED),1) \
		$(BIN)/pytest -n 0 -s --timeout 0 -o faulthandler_timeout=0 api/tests/test_api_schema.py

pages: $(READY) ## Build the scripts and styles of the pages anew, if their sources changed
	@$(BIN)/python web/hatch_build.py

screens: $(READY_FOR_TESTS) pages ## Write pictures of all pages to output/screens
	@mkdir -p output/screens
	@COURSEWRIGHT_TEST_SCREENS=output/screens $(BIN)/pytest -q web/tests/test_web_pages.py

pictures: $(READY_FOR_TESTS) pages ## Take the pictures of the README anew, of the running product
	@$(BIN)/python -m tools.pictures docs/images

stack: $(READY_FOR_TESTS) ## Start the service as in production: PostgreSQL, S3, Prefect, two APIs, two workers
	@$(BIN)/python -m tools.stack $(ARGS)

lint: $(READY_FOR_TESTS) ## Check style and formatting
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(READY_FOR_TESTS) ## Check types
	@$(BIN)/mypy

imports: $(READY_FOR_TESTS) ## Check the direction of imports
	@$(BIN)/lint-imports

check: lint types imports test ## Everything that CI runs

bench: $(READY_FOR_TESTS) ## Measure speed and memory; docs/measurements.md explains the figures
	@$(BIN)/uv venv --quiet --allow-existing .cache/moviepy
	@$(BIN)/uv pip install --quiet --python .cache/moviepy/bin/python moviepy
	$(BIN)/python bench/check.py
	$(BIN)/python bench/steps.py
	$(BIN)/python bench/edit.py
	$(BIN)/python bench/throughput.py
	$(BIN)/python -m bench.files
	$(BIN)/python -m bench.api
	$(BIN)/python -m bench.streams
	$(BIN)/python -m bench.submission
	$(BIN)/python -m bench.readiness
	$(BIN)/python bench/film.py --moviepy .cache/moviepy/bin/python

lock: $(READY) ## Write the lock files anew
	@UV=$(BIN)/uv tools/lock.sh

clean: ## Remove the environment, caches and output
	rm -rf $(VENV) output dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
