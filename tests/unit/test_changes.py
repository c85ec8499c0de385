"""docs/changes.md has the table of edits that the end-to-end test runs."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from infra.keys import DEFAULTS
from tests.support.changes_page import PAGE, tables, written
from tests.support.edits import EDITS
from tests.support.program import Recorder, declare
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]
# These keys make it another stack, which has its own tests: tests/swarm, tests/long/test_https.py.
OF_HTTPS = {key for key in DEFAULTS if re.match("acme|tls|https", key)}
OF_OTHER_MODES = {"mode", "replicas", "registry", "swarmInit", "encryptNetwork", "placement"}

# What pulumi-docker 5.2.0 replaces and what it updates, as seen on an engine on 2026-11-24.
TRIED = {
    "capabilities",
    "command",
    "cpuShares",
    "hostname",
    "logDriver",
    "logOpts",
    "readOnly",
    "restart",
    "securityOpts",
    "user",
    "wait",  # only matters at creation
}


@pytest.fixture(scope="module")
def declared() -> Recorder:
    return declare()


def test_the_page_has_the_tables() -> None:
    page = PAGE.read_text()
    assert all(f"<!-- {name} -->" in page for name in tables())
    assert written(page) == page, "run: uv run python -m tests.support.changes_page"


def test_every_key_of_a_stack_is_edited() -> None:
    keys = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    ports = {f"services.{service.name}.hostPort" for service in SERVICES}
    assert set(keys) - {"services"} - OF_OTHER_MODES - OF_HTTPS | ports <= {
        edit.what for edit in EDITS
    }


def test_no_argument_is_declared_that_nobody_has_tried(declared: Recorder) -> None:
    """One that the provider reports as updated and leaves belongs to REPLACED_ON."""
    edited = {
        argument
        for edit in EDITS
        for resource, step in edit.steps.items()
        if resource.endswith("container")
        for argument in step.split()[1:]
    }
    arguments = {argument for inputs in declared.containers().values() for argument in inputs}
    assert arguments - edited - TRIED == set()
    assert version("pulumi-docker") == "5.2.0", "try those in TRIED again"
