.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
STACK ?= dev
BASE ?= origin/main
export BASE
BEGAN := $(shell date +%s)
TOOK = $$(($$(date +%s) - $(BEGAN))) s

SETUP := python3 -m tools.setup
ENV := eval "$$($(SETUP) env)"
SELECT := pulumi stack select --create --stack $(STACK) >/dev/null
KEY = pulumi config get --stack $(STACK) 2>/dev/null
# A replica is drained before it is deleted, and that takes the program; the configuration may be
# wrong by then, which only a newer Pulumi has a flag for.
RUN_PROGRAM = $$([[ "$$(pulumi stack export --stack $(STACK))" != *BeforeDelete* ]] \
	|| echo --run-program $$(pulumi destroy --help | grep -om1 -- --skip-config-validation || true))
ON_SWARM = [[ $$($(KEY) mode) == swarm ]]
SWARM_OF_ONE = $(ON_SWARM) && [[ $$($(KEY) swarmInit) == true ]]
# Those that ended tasks still held when another version took over.
OLD_IMAGES = docker image prune --all --force --filter label=microservices.stack=$(STACK)
PYTHON := .venv/bin/python
OPERATE := $(ENV); $(PYTHON) -m tools.operate --stack $(STACK)
RECOVER = $(PYTHON) -m tools.recover --stack $(STACK)

.PHONY: help
help: ## what can be typed here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {gsub(/\$$\$$/, "$$", $$2); printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo; echo "  STACK=dev is the default; the keys of a stack are in Pulumi.yaml."

.PHONY: tools
tools: ## set up what is missing: engine, Pulumi, Python environment, base images
	@$(SETUP) tools $(if $(THEN),--then "$(THEN)")

.PHONY: env
env: ## print what a shell needs: eval "$$(make env)"
	@$(SETUP) env

.PHONY: up
up: THEN = deploy stack $(STACK)
up: tools ## set up what is missing, then deploy
	@$(ENV); $(RECOVER); $(SELECT); if $(SWARM_OF_ONE); then $(SETUP) swarm; fi
	@$(ENV); pulumi up --stack $(STACK) --yes --skip-preview --refresh --policy-pack policy --suppress-progress
	@$(ENV); echo "Ready in $(TOOK): $$(pulumi stack output --stack $(STACK) url)"

# What a refresh reads of every resource would hide what changes; what drifted is in the diff.
.PHONY: preview
preview: THEN = show what would change of stack $(STACK)
preview: tools ## show what `make up` would change, what was changed by hand, what breaks a rule
	@$(ENV); $(SELECT); $(PYTHON) -m tools.recover.presence --stack $(STACK); pulumi preview --stack $(STACK) --diff --refresh --policy-pack policy --suppress-outputs --suppress-progress

.PHONY: preview-diff
preview-diff: tools ## what this commit changes of BASE=origin/main, on a stack of its own
	@$(ENV); $(PYTHON) -m tools.previewdiff --base "$$BASE" --stack $(STACK)

.PHONY: destroy
destroy: THEN = remove stack $(STACK)
destroy: tools ## remove what `make up` deployed
	@$(ENV); $(RECOVER); $(SELECT); pulumi destroy --stack $(STACK) --yes --skip-preview --suppress-progress $(RUN_PROGRAM)
	@$(ENV); if $(ON_SWARM); then $(OLD_IMAGES) >/dev/null; fi
	@$(ENV); if $(SWARM_OF_ONE); then $(SETUP) unswarm; fi
	@$(ENV); pulumi stack rm --stack $(STACK) --yes --preserve-config

.PHONY: recover
recover: tools ## make a stack whole again that a killed run, or a lost state, left behind
	@$(ENV); $(RECOVER) --yes

.PHONY: status
status: python ## the stack's containers in a table; fails unless all are healthy
	@$(OPERATE) status

.PHONY: logs
logs: python ## what all containers say, following
	@$(OPERATE) logs

.PHONY: open
open: python ## open the page in a browser
	@$(OPERATE) open

.PHONY: shell
shell: python ## a shell in a service's container: make shell S=microservice1
	@$(OPERATE) shell "$(S)"

.PHONY: new-service
new-service: python ## add a service: make new-service NAME=orders PREFIX=/api/v3/
	@$(OPERATE) new-service "$(NAME)" "$(PREFIX)"

.PHONY: bench
bench: tools ## measure against the tutorial's stack, in pairs; QUICK=1 for the short way
	@$(ENV); $(PYTHON) -m bench $(if $(QUICK),--quick)

.PHONY: lint
lint: python ## formatting, lint rules, types, workflows, images, scripts, nginx, advisories
	@$(ENV); uv run --frozen ruff format --check . && uv run --frozen ruff check . && uv run --frozen mypy .
	@$(SETUP) actionlint
	@.venv/bin/hadolint nginx/Dockerfile services/Dockerfile $(wildcard services/*/Dockerfile)
	@.venv/bin/shellcheck nginx/gateway nginx/publish .ci/run tools/setup/standins/*.sh
	@$(ENV); uv run --frozen python -m tools.supply_chain lint

.PHONY: sbom
sbom: tools ## what is in each image of the stack, as CycloneDX files in sbom/
	@$(ENV); $(PYTHON) -m tools.supply_chain sbom --stack $(STACK)

.PHONY: update-bases
update-bases: ## newer base images; then a new imageVersion and `make up` put them to use
	@$(SETUP) update
	@echo "Now: pulumi config set --stack $(STACK) imageVersion NEW, then make up STACK=$(STACK)"

.PHONY: python
python:
	@$(SETUP) python

# Without one the page's tests are skipped and named at the end of the run; in CI that fails.
.PHONY: browser
browser:
	@$(SETUP) browser || echo "The page's tests are skipped."

PYTEST = $(ENV); $(PYTHON) -m pytest

.PHONY: test
test: tools browser ## unit tests, then the core of the end-to-end tests with a browser: five minutes
	@$(PYTEST) tests/unit tests/e2e --numprocesses 2 --dist loadgroup

.PHONY: test-all
test-all: test test-long ## the same and the long ones: edits, docs, faults, swarm; ROUNDS CYCLES REQUESTS

.PHONY: test-long
test-long: tools browser
	@$(PYTEST) tests/long --numprocesses 2 --dist loadgroup
	@$(PYTEST) tests/faults tests/swarm --timeout 1800
