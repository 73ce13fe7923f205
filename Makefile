# Each word is one line of ordinary commands; .ci/run uses the same words.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install install-dev run test test-night check bench lock clean

install: $(BIN)/hustings          ## .venv with the `hustings` command
install-dev: .venv/dev-installed  ## and everything that tests and checks need

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hustings needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

$(BIN)/hustings: $(BIN)/python requirements/run.txt pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

.venv/dev-installed: $(BIN)/hustings requirements/dev.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

run: install                      ## the demo: two voices in a room; FLAGS=--stage-port=8011 for `serve`
	$(BIN)/hustings serve --demo $(FLAGS)

# The unit tier knows no clock and no network: at the lowest priority it takes the time in which the others wait.
test: install-dev                 ## everything; what the machine lacks is skipped and named
	@mkdir -p build
	@nice -n 19 $(BIN)/pytest tests/unit --timeout 600 -o cache_dir=build/unit >build/unit.log 2>&1 & beside=$$!; \
	trap 'kill $$beside 2>/dev/null' INT TERM; \
	$(BIN)/pytest --ignore=tests/unit; rest=$$?; \
	wait $$beside; unit=$$?; \
	echo "== tests/unit:"; grep -v '%]$$' build/unit.log; \
	echo "== exit codes: tests/unit $$unit, the others above it $$rest"; \
	echo "$$rest $$unit" >build/tested; \
	[ $$rest = 0 ] && [ $$unit = 0 ]

test-night: install-dev           ## the fault table at full length, three times, worst counts: half an hour
	HUSTINGS_TEST_NIGHT=1 $(BIN)/pytest --timeout 1800

check: install-dev                ## format, lint, types, imports, docs: under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit/house

bench: install-dev                ## measure against peers in the same run; prints the table
	$(BIN)/python -m bench

lock: install-dev                 ## renew the hashed locks (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/run.txt
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/dev.txt
