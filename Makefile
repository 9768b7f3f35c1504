# Nothing but make and Python >= 3.11 is needed; the rest goes into .venv. Works with GNU make 3.81.
.DEFAULT_GOAL := help
.PHONY: help up start status roll stop reset trace tour admin seed bench profile test lint types slow \
	fuzz docker-test pictures secrets audit format lock doctor clean lab-set dev-set

BIN := .venv/bin
LAB := $(BIN)/python -m lab
FOR_ALL := --universal --python-version 3.11
# Dependabot compiles with the options that it finds in the heads of these files.
COMPILE := $(BIN)/uv pip compile --quiet $(FOR_ALL) --generate-hashes --no-emit-index-url \
	--no-config --custom-compile-command 'make lock, which is: uv pip compile $(FOR_ALL)'

# What pytest ends with when ARGS selects tests of another run.
NO_TESTS := 5
# Up to here, migrations are older than their linter.
MIGRATIONS_AFTER := 0004

# As typed: make would read a dollar sign in a password as a variable of its own.
override PASSWORD := $(value PASSWORD)
override EMAIL := $(value EMAIL)
export EMAIL PASSWORD

# Many container images set this. Without bytecode files, each process compiles our modules again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## what can be done here
	@echo 'make TARGET, with one of:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile
	@echo 'HTTP_PORT=8081 HTTPS_PORT=8444 move the ports; PYTHON=/path/to/python3 names another Python.'
	@echo 'DATABASE_URL and REDIS_URL take the place of the servers that come along.'

up: lab-set  ## run the service and its servers here, a line per request; Ctrl-C ends it
	@$(LAB) up

start: lab-set  ## the same in the background; returns once the first request succeeds
	@$(LAB) start

status: lab-set  ## what runs, where, and whether it is well
	@$(LAB) status

roll: lab-set  ## replace the app processes one after another, without a failed request
	@$(LAB) roll

stop: lab-set  ## end what runs in the background; the data are kept
	@$(LAB) stop

reset: lab-set  ## end it and delete its data
	@$(LAB) reset

# Without a URL somebody new signs up. Items are as in a shell: ITEMS="name=Ahmed 'note=two words'"
ifndef URL
METHOD = POST
URL = /api/users
ITEMS = name=Ahmed email=ahmed-$$(date +%s)@example.com password='correct horse battery'
endif

trace: lab-set  ## send a request and show each stage of it; METHOD, URL, ITEMS, ARGS
	@$(BIN)/lab trace $(ARGS) $(METHOD) $(URL) $(ITEMS)

tour: lab-set  ## eight short chapters, played against the running stack; CHAPTER=5 begins there
	@$(BIN)/lab tour $(CHAPTER)

admin: lab-set  ## make an administrator: make admin EMAIL=… PASSWORD=…
	@$(LAB) admin

seed: lab-set  ## fill a running stack with a shop; up to SEED_ORDERS=1000000
	@$(LAB) seed

bench: lab-set  ## measure the service; BENCH_SECONDS=1 BENCH_ROUNDS=1 for a short run
	@$(LAB) bench

profile: dev-set  ## show where one route's time goes; ROUTE=order for another
	@$(LAB) profile

test: dev-set  ## run all tests; ARGS='-k signup' selects some
	@$(BIN)/python -m pytest $(ARGS)

lint: dev-set  ## check style, who imports whom, scripts, workflows, new migrations
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/yamllint --strict .
	@$(BIN)/shellcheck .ci/run $$(git ls-files '*.sh')
	@# It comes for Linux only; it asks shellcheck about the workflows' own scripts.
	@! [ -x $(BIN)/actionlint ] || $(BIN)/actionlint -shellcheck $(BIN)/shellcheck
	@$(BIN)/zizmor --offline --quiet .github
	@sql=$$($(BIN)/alembic upgrade $(MIGRATIONS_AFTER):head --sql) && \
		echo "$$sql" | $(BIN)/squawk --reporter gcc

types: dev-set  ## check the types
	@$(BIN)/mypy

slow: dev-set  ## run the tests that take their time by nature
	@$(BIN)/python -m pytest -m 'slow and not alone' $(ARGS) || test $$? -eq $(NO_TESTS)
	@$(BIN)/python -m pytest -m alone -n0 -rP $(ARGS) || test $$? -eq $(NO_TESTS)

fuzz: dev-set  ## send generated requests at length; FUZZ_EXAMPLES=1000 for longer
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-300} $(BIN)/python -m pytest -m fuzz $(ARGS)

docker-test: dev-set  ## build the image, run docker-compose.yml, and test both
	@docker compose version >/dev/null 2>&1 && docker version >/dev/null 2>&1 || { \
		echo 'This needs a running Docker engine and its compose plugin: https://docs.docker.com/engine/install/' >&2; \
		exit 1; \
	}
	@$(BIN)/python -m pytest -m docker -n0 $(ARGS)

pictures: dev-set  ## draw docs/images anew with a real browser, and what the tour shows
	@$(BIN)/python -m pytest -m pictures -n0 $(ARGS)

secrets:  ## make the secrets of docker-compose.yml, once, into .env
	@sh deploy/secrets.sh

audit: dev-set  ## ask whether a known hole is in what we install; needs the network
	@$(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off -r requirements/dev.txt

format: dev-set  ## put the code into its form
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

lock: dev-set  ## pin the requirements anew; ARGS=--upgrade takes the newest versions
	@for set in app lab dev; do \
		echo "requirements/$$set.txt" && \
		$(COMPILE) $(ARGS) requirements/$$set.in -o requirements/$$set.txt || exit 1; \
	done

# Nothing that may be broken is asked to be well: no .venv, no packages, no line endings.
doctor:  ## say what is wrong on this machine, and how to mend it
	@tr -d '\r' < lab/python.sh | sh -s -- -Es -m lab.doctor

clean:  ## delete .venv and the caches; the data in .lab are kept
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lab-set:
	@sh lab/python.sh -I lab/install.py lab

dev-set:
	@sh lab/python.sh -I lab/install.py dev
