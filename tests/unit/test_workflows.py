"""The workflows run what a user can run, with the least rights, by actions that cannot change."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GLUE = {"exit 1", 'cat preview-diff.md >> "$GITHUB_STEP_SUMMARY"'}
MAY_WRITE = {("preview.yml", "comment"): {"pull-requests"}}

workflows = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["jobs"]
    return found


def steps(file: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(file).values():
        yield from job["steps"]


def test_they_are_there() -> None:
    assert [file.name for file in WORKFLOWS] == ["checks.yml", "deploy.yml", "preview.yml"]


@workflows
def test_actions_are_pinned_by_commit_with_their_version(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@workflows
def test_a_version_has_one_commit_everywhere(file: Path) -> None:
    everywhere = "".join(one.read_text() for one in WORKFLOWS)
    for action in re.findall(r"uses: ([\w/-]+)@", file.read_text()):
        assert len(set(re.findall(rf"uses: {action}@(.+)", everywhere))) == 1


@workflows
def test_steps_call_make(file: Path) -> None:
    for step in steps(file):
        if "run" in step:
            assert step["run"].startswith("make ") or step["run"] in GLUE
            assert "${{" not in step["run"]


@workflows
def test_targets_are_there(file: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for step in steps(file):
        if step.get("run", "").startswith("make "):
            assert step["run"].split()[1] in targets


@workflows
def test_least_permissions(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {}
    for name, job in jobs(file).items():
        granted = job.get("permissions", {})
        writes = {scope for scope, level in granted.items() if level != "read"}
        assert writes == MAY_WRITE.get((file.name, name), set())
        assert granted.get("contents", "read") == "read"
        assert job["timeout-minutes"] <= 60


@workflows
def test_a_fork_s_code_meets_neither_secrets_nor_a_token_that_writes(file: Path) -> None:
    text = file.read_text()
    assert "pull_request_target" not in text
    assert "workflow_run" not in text
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    for job in jobs(file).values():
        if "pull_request:" in text and ("secrets." in str(job) or "github.token" in str(job)):
            same = "github.event.pull_request.head.repo.full_name == github.repository"
            assert same in job["if"]


def test_a_deployment_is_never_cancelled() -> None:
    deploy = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())
    assert deploy["concurrency"]["cancel-in-progress"] is False
    assert "inputs.stack" in deploy["concurrency"]["group"]


def test_one_gate_waits_for_every_check() -> None:
    checks = jobs(ROOT / ".github" / "workflows" / "checks.yml")
    gate = checks.pop("gate")
    assert gate["if"] == "always()"
    assert set(gate["needs"]) == set(checks)
    [step] = gate["steps"]
    assert all(f"needs.{name}.result != 'success'" in step["if"] for name in checks)
