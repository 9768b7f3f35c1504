# Needs only make and Python >= 3.11, and installs the rest into .venv. Works with GNU make 3.81.
.DEFAULT_GOAL := help
.PHONY: help up start status roll stop reset trace tour admin seed cluster bench profile test coverage lint types \
	slow faults fuzz docker-test cluster-test kubernetes-test pod-test pictures secrets audit format lock doctor clean lab-set \
	dev-set

BIN := .venv/bin
LAB := $(BIN)/python -m lab
FOR_ALL := --universal --python-version 3.11
# Dependabot reads these options from the first lines of the compiled files.
COMPILE := $(BIN)/uv pip compile --quiet $(FOR_ALL) --generate-hashes --no-emit-index-url \
	--no-config --custom-compile-command 'make lock, which is: uv pip compile $(FOR_ALL)'

# The exit status of pytest when ARGS selects no test of this run.
NO_TESTS := 5
# `make lint` checks only the migrations after this one. The earlier ones are older than the linter.
MIGRATIONS_AFTER := 0004

# The command that runs podman. It may contain arguments: `sudo podman`.
PODMAN ?= podman
export PODMAN

# make would expand a dollar sign in a password. `value` keeps the password as typed.
override PASSWORD := $(value PASSWORD)
override EMAIL := $(value EMAIL)
export EMAIL PASSWORD

# Many container images set this variable, which turns off bytecode files. Each process would then
# compile our modules again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the targets
	@echo 'make TARGET, with one of:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile
	@echo 'HTTP_PORT=8081 HTTPS_PORT=8444 choose other ports; PYTHON=/path/to/python3 another Python.'
	@echo 'DATABASE_URL and REDIS_URL choose your own servers in place of the installed ones.'
	@echo 'APP_PROCESSES=4 WORKER_PROCESSES=2 start more processes of the service.'

up: lab-set  ## run the service and its servers, and log each request; Ctrl-C stops them
	@$(LAB) up

start: lab-set  ## do the same in the background, and return when the first request succeeds
	@$(LAB) start

status: lab-set  ## show each part with its address and health; ARGS=--secrets adds the passwords
	@$(LAB) status $(ARGS)

roll: lab-set  ## replace the app processes one after another, without a failed request
	@$(LAB) roll

stop: lab-set  ## stop the stack that runs in the background, and keep its data
	@$(LAB) stop

reset: lab-set  ## stop the stack and delete its data
	@$(LAB) reset

# Without a URL, the request is a signup. Items are written as in a shell: ITEMS="name=Ahmed 'note=two words'"
ifndef URL
METHOD = POST
URL = /api/users
ITEMS = name=Ahmed email=ahmed-$$(date +%s)-$$$$@example.com password='correct horse battery'
endif

trace: lab-set  ## send a request and show each stage of it; METHOD, URL, ITEMS, ARGS
	@$(BIN)/lab trace $(ARGS) $(METHOD) $(URL) $(ITEMS)

tour: lab-set  ## play the chapters of the tour against the running stack; CHAPTER=5 begins there
	@$(BIN)/lab tour $(CHAPTER)

admin: lab-set  ## make an administrator: make admin EMAIL=… PASSWORD=…
	@$(LAB) admin

seed: lab-set  ## fill a running stack with products, users and orders; up to SEED_ORDERS=1000000
	@$(LAB) seed

cluster: lab-set  ## run the stack on servers that fail over; needs etcd, Patroni and PgBouncer
	@$(LAB) cluster

bench: dev-set  ## measure the service; BENCH_SECONDS=1 BENCH_ROUNDS=1 for a short run
	@$(LAB) bench

profile: dev-set  ## show what one route spends its time on; ROUTE=order for another route
	@$(LAB) profile

test: dev-set  ## run the fast tests; ARGS='-k signup' selects some
	@$(BIN)/python -m pytest $(ARGS)

coverage: dev-set  ## run the fast tests, and report which code they do not run
	@rm -rf .coverage_data
	@status=0; $(BIN)/coverage run -m pytest $(ARGS) || status=$$?; \
		$(BIN)/coverage combine --quiet && $(BIN)/coverage report && exit $$status

lint: dev-set  ## check style, imports between layers, scripts, workflows, new migrations, JavaScript
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/yamllint --strict .
	@$(BIN)/shellcheck .ci/run $$(git ls-files '*.sh')
	@# actionlint is installed only on Linux. It runs shellcheck on the scripts in the workflows.
	@! [ -x $(BIN)/actionlint ] || $(BIN)/actionlint -shellcheck $(BIN)/shellcheck
	@$(BIN)/zizmor --offline --quiet .github
	@$(BIN)/deno lint --quiet --config=lab/page/deno.json lab/page/static tests/unit/page \
		app/routers/pages/static
	@# Fastify takes a function that returns a promise, even if the function awaits nothing.
	@$(BIN)/deno lint --quiet --rules-exclude=require-await lab/bench/peers
	@sql=$$($(BIN)/alembic upgrade $(MIGRATIONS_AFTER):head --sql) && \
		echo "$$sql" | $(BIN)/squawk --reporter gcc

types: dev-set  ## check the types
	@$(BIN)/mypy
	@$(BIN)/deno check --quiet --config=lab/page/deno.json $$(git ls-files 'lab/page/static/*.js') \
		app/routers/pages/static/*/*.js

slow: dev-set  ## run the slow tests
	@$(BIN)/python -m pytest -m 'slow and not alone' $(ARGS) || test $$? -eq $(NO_TESTS)
	@$(BIN)/python -m pytest -m alone -n0 -rP $(ARGS) || test $$? -eq $(NO_TESTS)

fuzz: dev-set  ## send generated requests for some minutes; FUZZ_EXAMPLES=1000 for longer
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-300} $(BIN)/python -m pytest -m fuzz $(ARGS)

# FAULTS_SEED=… repeats the order of an earlier run. FAULTS_RATE is in requests per second.
faults: dev-set  ## kill servers under load and write docs/faults.md; FAULTS_KILLS=20 for a short run
	@FAULTS_KILLS=$${FAULTS_KILLS:-100} FAULTS_RATE=$${FAULTS_RATE:-40} \
		FAULTS_REPORT=$${FAULTS_REPORT:-docs/faults.md} \
		$(BIN)/python -m pytest -m 'slow or alone' -n0 -s tests/e2e/faults $(ARGS)

docker-test: dev-set  ## build the image, run docker-compose.yml, and test both
	@docker compose version >/dev/null 2>&1 && docker version >/dev/null 2>&1 || { \
		echo 'This needs a running Docker engine and its compose plugin: https://docs.docker.com/engine/install/' >&2; \
		exit 1; \
	}
	@$(BIN)/python -m pytest -m docker -n0 $(ARGS)

# CLUSTER_KILLS=2 for a short run.
cluster-test: dev-set  ## kill the primary of a Patroni cluster 10 times under 100 writes a second
	@$(BIN)/python -m pytest -m cluster -n0 -s $(ARGS)

kubernetes-test: dev-set  ## check the manifests in deploy/kubernetes, strictly
	@sh lab/python.sh -I lab/install.py kubernetes
	@$(BIN)/python -m pytest -m kubernetes -n0 $(ARGS)

pod-test: dev-set  ## run the pods of deploy/kubernetes; PODMAN='sudo podman' runs podman as root
	@$(PODMAN) version --format '{{.Client.Version}}' | grep -Eq '^([5-9]|[1-9][0-9]+)\.' || { \
		echo 'This needs podman 5 or newer: https://podman.io/docs/installation' >&2; \
		echo 'If it is not in PATH, name the program: make pod-test PODMAN=/path/to/podman' >&2; \
		exit 1; \
	}
	@sh lab/python.sh -I lab/install.py kubernetes
	@$(BIN)/python -m pytest -m pod -n0 $(ARGS)

pictures: dev-set  ## regenerate docs/images with a real browser, and the outputs in the tour
	@$(BIN)/python -m pytest -m pictures -n0 $(ARGS)

secrets:  ## generate the secrets of docker-compose.yml into .env, once
	@sh deploy/secrets.sh

audit: dev-set  ## check the installed packages for known vulnerabilities; needs the network
	@$(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off \
		-r requirements/dev.txt -r requirements/provider.txt -r requirements/kubernetes.txt

format: dev-set  ## format the code
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

lock: dev-set  ## compile the pinned requirements; ARGS=--upgrade takes the newest versions
	@$(COMPILE) $(ARGS) pyproject.toml -o requirements/app.txt
	@$(COMPILE) $(ARGS) pyproject.toml --group lab -c requirements/app.txt -o requirements/lab.txt
	@$(COMPILE) $(ARGS) pyproject.toml --group dev -c requirements/lab.txt -o requirements/dev.txt
	@$(COMPILE) --group uv -c requirements/dev.txt -o requirements/uv.txt
	@$(COMPILE) --group provider -c requirements/lab.txt -o requirements/provider.txt
	@$(COMPILE) --group kubernetes -o requirements/kubernetes.txt

# .venv and its packages may be broken, so `make doctor` uses neither.
doctor:  ## find problems of this machine and the running stack, and say how to fix them
	@sh lab/python.sh -Es -m lab.doctor

clean:  ## delete .venv and the caches, and keep the data in .lab
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
		.coverage_data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lab-set:
	@sh lab/python.sh -I lab/install.py lab

dev-set:
	@sh lab/python.sh -I lab/install.py dev
