.DEFAULT_GOAL := help
SHELL := /bin/bash
STACK ?= dev
BASE ?= origin/main
BUDGET ?=
export BASE BUDGET
BEGAN := $(shell date +%s)
TOOK = $$(($$(date +%s) - $(BEGAN))) s

SETUP = $(if $(wildcard $(PYTHON)),$(PYTHON),python3) -m tools.setup $(OF_STACK)
# The others use the engine of this shell, not the stack's (docker:host).
up rollback releases preview destroy recover status logs open shell run backup restore maintenance sbom update-bases env: OF_STACK = --stack $(STACK)
# The options stand here because GNU Make 3.81, which macOS has, ignores .SHELLFLAGS.
ENV = set -euo pipefail; eval "$$($(SETUP) env)"
# --suppress-outputs: the releases of prod are a hundred lines, and `make releases` shows them.
UP = ROLL_BACK_TO="$(BACK_TO)" $(PRICE) up --stack $(STACK) -- pulumi up --stack $(STACK) --yes --skip-preview --policy-pack policy --suppress-progress --suppress-outputs
SAY_READY = url=$$(pulumi stack output --stack $(STACK) url); echo "Ready in $(TOOK): $$url"; \
	if [[ $$url == https:* ]]; then $(PYTHON) -m tools.operate --stack $(STACK) certificate; fi
SELECT := pulumi stack select --create --stack $(STACK) >/dev/null
KEY = pulumi config get --stack $(STACK) 2>/dev/null
# A stack with delete hooks (the drain of its replicas) needs the program to be destroyed. A newer
# Pulumi has a flag that lets the program run even though its configuration is no longer valid.
RUN_PROGRAM = $$([[ "$$(pulumi stack export --stack $(STACK))" != *BeforeDelete* ]] \
	|| echo --run-program $$(pulumi destroy --help | grep -om1 -- --skip-config-validation || true))
DESTROY = pulumi destroy --stack $(STACK) --yes --skip-preview --suppress-progress $(RUN_PROGRAM)
# Twice at most: an engine with the containerd image store may fail to remove two images at a time.
DESTROY_ALL = trap 'exit 130' INT TERM; $(DESTROY) || { echo "Destroying what is left:"; $(DESTROY); }
# grep first, as Pulumi takes an eighth of a second to start.
ON_SWARM = grep -qs swarm Pulumi.$(STACK).yaml && [[ $$($(KEY) mode) == swarm ]]
SWARM_OF_ONE = $(ON_SWARM) && [[ $$($(KEY) swarmInit) == true ]]
# Images of earlier versions, which stopped tasks still referenced during an update.
OLD_IMAGES = docker image prune --all --force --filter label=microservices.stack=$(STACK)
PYTHON := .venv/bin/python
OPERATE = $(ENV); $(PYTHON) -m tools.operate --stack $(STACK)
PRICE = $(PYTHON) -m tools.price
RECOVER = $(PYTHON) -m tools.recover --stack $(STACK)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {gsub(/\$$\$$/, "$$", $$2); printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo; echo "  STACK=dev is the default. Pulumi.yaml lists the configuration keys."

.PHONY: tools
tools: ## install what is missing: Docker engine, Pulumi, Python environment, base images
	@$(SETUP) tools $(if $(THEN),--then "$(THEN)")

.PHONY: env
env: ## print the environment variables for a shell: eval "$$(make env)"
	@$(SETUP) env

.PHONY: up
up: THEN = deploy stack $(STACK)
up: tools ## install what is missing, then deploy the stack
	@$(ENV); $(RECOVER); $(SELECT); if $(SWARM_OF_ONE); then $(SETUP) swarm; fi; $(UP); $(SAY_READY)

.PHONY: rollback
rollback: THEN = roll back stack $(STACK)
rollback: BACK_TO = $(or $(RELEASE),last)
rollback: tools ## put the last good release back, or RELEASE=5, without a build
	@$(ENV); $(RECOVER); $(UP); $(SAY_READY)

.PHONY: releases
releases: python ## list the last ten releases of the stack
	@$(OPERATE) releases

# --suppress-outputs: a refresh prints every output of every resource, which buries the diff.
.PHONY: preview
preview: THEN = show what would change of stack $(STACK)
preview: tools ## show what `make up` would change, including manual changes and policy violations
	@$(ENV); $(SELECT); $(PYTHON) -m tools.recover.presence --stack $(STACK); $(PRICE) preview --budget "$$BUDGET" -- pulumi preview --stack $(STACK) --diff --refresh --policy-pack policy --suppress-outputs --suppress-progress

.PHONY: preview-diff
preview-diff: tools ## show what this branch changes against BASE=origin/main, on a temporary stack
	@$(ENV); $(PYTHON) -m tools.previewdiff --base "$$BASE" --stack $(STACK) --budget "$$BUDGET"

.PHONY: destroy
destroy: THEN = remove stack $(STACK)
destroy: tools ## remove the stack and everything that it deployed
	@$(ENV); $(RECOVER); $(SELECT); $(DESTROY_ALL)
	@$(ENV); if $(ON_SWARM); then $(OLD_IMAGES) >/dev/null; fi
	@$(ENV); if $(SWARM_OF_ONE); then $(SETUP) unswarm; fi
	@$(ENV); pulumi stack rm --stack $(STACK) --yes --preserve-config

.PHONY: recover
recover: tools ## repair a stack after a killed run or a lost state; removes leftovers
	@$(ENV); $(RECOVER) --yes

.PHONY: status
status: python ## list the stack's containers; fails unless all are healthy
	@$(OPERATE) status

.PHONY: logs
logs: python ## follow the logs of all containers, or of S=microservice1; SINCE=10m
	@$(OPERATE) logs --service "$(S)" --since "$(SINCE)"

.PHONY: open
open: python ## open the page in a browser
	@$(OPERATE) open

.PHONY: shell
shell: python ## open a shell in a service's container: make shell S=microservice1 N=1
	@$(OPERATE) shell "$(S)" --number "$(or $(N),1)"

.PHONY: run
run: python ## run a command in a new container of a service: make run S=orders CMD="python3 migrate.py"
	@$(OPERATE) run "$(S)" "$$CMD"

.PHONY: backup
backup: python ## stop a service, copy its volumes to a file in backups/, start it: make backup S=database
	@$(OPERATE) backup "$(S)"

.PHONY: restore
restore: python ## stop a service, replace what its volumes have, start it: make restore S=database FILE=...
	@$(OPERATE) restore "$(S)" "$(FILE)"

.PHONY: new-service
new-service: python ## add a service: make new-service NAME=orders PREFIX=/api/v3/
	@$(OPERATE) new-service "$(NAME)" "$(PREFIX)"

.PHONY: new-secret
new-secret: tools ## make up the value of a secret that rows name: make new-secret NAME=PASSWORD
	@$(ENV); $(SELECT); $(PYTHON) -m tools.operate --stack $(STACK) new-secret "$(NAME)"

.PHONY: new-certificate
new-certificate: tools ## make a certificate by a CA of this machine: make new-certificate DOMAIN=shop.localhost
	@$(ENV); $(SELECT); $(PYTHON) -m tools.operate --stack $(STACK) new-certificate "$(DOMAIN)"

.PHONY: maintenance on off
maintenance: tools ## answer 503 for a service, or all: make maintenance on S=orders; make maintenance off
	@$(ENV); $(SELECT); $(PYTHON) -m tools.operate --stack $(STACK) maintenance "$(filter on off,$(MAKECMDGOALS))" "$(S)"
	@$(ENV); pulumi up --stack $(STACK) --yes --skip-preview --suppress-progress --suppress-outputs
on off:
	@:

.PHONY: bench
bench: tools ## benchmark against the tutorial's stack; QUICK=1 for fewer rounds, ENGINE=29 on that Docker engine
	@$(ENV); $(if $(ENGINE),$(PYTHON) -m tests.support.newer_engines $(ENGINE)) \
		$(PYTHON) -m bench $(if $(QUICK),--quick) $(if $(ENGINE),--to docs/bench/docker-$(ENGINE))

.PHONY: lint
lint: python ## check formatting, code, types, workflows, Dockerfiles, scripts, nginx, advisories
	@$(ENV); uv run --frozen ruff format --check . && uv run --frozen ruff check . && uv run --frozen mypy .
	@$(SETUP) actionlint
	@.venv/bin/hadolint nginx/Dockerfile services/Dockerfile certificates/Dockerfile $(wildcard services/*/Dockerfile docs/shop/*/Dockerfile)
	@.venv/bin/shellcheck nginx/gateway nginx/publish .ci/run docs/shop/database/start tools/setup/standins/*.sh
	@$(ENV); uv run --frozen python -m tools.supply_chain lint

.PHONY: sbom
sbom: tools ## write a CycloneDX SBOM of each image of the stack to sbom/
	@$(ENV); $(PYTHON) -m tools.supply_chain sbom --stack $(STACK)

.PHONY: update-bases
update-bases: ## pull newer base images; they are used after a new imageVersion and `make up`
	@$(SETUP) update
	@echo "Now: pulumi config set --stack $(STACK) imageVersion NEW, then make up STACK=$(STACK)"

.PHONY: python
python:
	@$(SETUP) python

# Without a browser the page's tests are skipped, and listed at the end of the run. CI fails instead.
.PHONY: browser
browser:
	@$(SETUP) browser || echo "The page's tests are skipped."

PYTEST = $(ENV); $(PYTHON) -m pytest

.PHONY: test
test: tools browser ## run the unit tests and the core end-to-end tests: ten minutes
	@$(PYTEST) tests/unit tests/e2e --numprocesses 2 --dist loadgroup

.PHONY: test-all
test-all: test test-long ## run all tests: also edits, docs, engines, faults, swarm (ROUNDS, CYCLES, REQUESTS)

.PHONY: test-long
test-long: tools browser
	@export ENGINES=28; $(PYTEST) tests/swarm tests/engines tests/long --numprocesses 2 --dist loadgroup
	@$(PYTEST) tests/faults --timeout 1800

.PHONY: test-engines
test-engines: tools ## run the core tests on Docker 28 and 29 with the containerd image store, as root
	@$(PYTEST) tests/engines
