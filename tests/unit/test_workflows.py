"""Workflows run what users can run, with the fewest permissions and pinned actions."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import engine
from tests.support import newer_engines

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
COMMENT = 'gh pr comment "$PULL_REQUEST" --edit-last --create-if-none --body-file preview-diff.md'
LOG_IN = (
    'umask 077; mkdir -p ~/.ssh; echo "$SSH_KEY" > ~/.ssh/id_ed25519; '
    'echo "$SSH_KNOWN_HOSTS" >> ~/.ssh/known_hosts'
)
GLUE = {"exit 1", 'cat preview-diff.md >> "$GITHUB_STEP_SUMMARY"', COMMENT, LOG_IN}
MAKE = re.compile(r"(?:sudo --preserve-env=CI )?make ([a-z-]+)((?: [A-Z]+=\S+)*)")
MAY_WRITE = {("preview.yml", "comment"): {"pull-requests"}}

workflows = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["jobs"]
    return found


def steps(file: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(file).values():
        yield from job["steps"]


def test_they_are_there() -> None:
    assert [file.name for file in WORKFLOWS] == [
        "checks.yml",
        "deploy.yml",
        "preview-stack.yml",
        "preview.yml",
    ]


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
            assert MAKE.fullmatch(step["run"]) or step["run"] in GLUE
            assert "${{" not in step["run"]


@workflows
def test_targets_are_there(file: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for step in steps(file):
        if found := MAKE.fullmatch(step.get("run", "")):
            assert found[1] in targets


@workflows
def test_least_permissions(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {}
    for name, job in jobs(file).items():
        granted = job.get("permissions", {})
        writes = {scope for scope, level in granted.items() if level != "read"}
        assert writes == MAY_WRITE.get((file.name, name), set())
        assert granted.get("contents", "read") == "read"
        assert job["timeout-minutes"] <= 120


def is_run_for_a_pull_request(text: str) -> bool:
    """A fork's code too, before anybody has looked at it."""
    triggers = yaml.safe_load(text)[True]  # YAML reads `on` as true
    return any(trigger.startswith("pull_request") for trigger in triggers)


def runs_code(job: dict[str, Any]) -> bool:
    """Whether the job has the repository's files: without them it runs only what it says itself."""
    return any("checkout" in step.get("uses", "") for step in job["steps"])


def trusted_with(job: dict[str, Any]) -> list[str]:
    """What the job has that a pull request's code must not have."""
    granted = job.get("permissions", {})
    scopes = {"all": granted} if isinstance(granted, str) else granted
    writes = [scope for scope, level in scopes.items() if level not in ("read", "none")]
    named = [name for name in ("secrets.", "github.token", "self-hosted") if name in str(job)]
    return writes + named


@workflows
def test_a_pull_request_s_code_meets_nothing_that_it_could_misuse(file: Path) -> None:
    text = file.read_text()
    assert "pull_request_target" not in text
    assert "workflow_run" not in text
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    for job in jobs(file).values():
        if is_run_for_a_pull_request(text) and runs_code(job):
            assert trusted_with(job) == []


def test_what_could_be_misused_is_found() -> None:
    checkout = {"steps": [{"uses": "actions/checkout@0"}]}
    assert runs_code(checkout)
    assert trusted_with(checkout) == []
    assert trusted_with({**checkout, "permissions": {"issues": "write"}}) == ["issues"]
    assert trusted_with({**checkout, "permissions": "write-all"}) == ["all"]
    assert trusted_with({**checkout, "env": {"A": "${{ secrets.A }}"}}) == ["secrets."]
    assert is_run_for_a_pull_request("on: [push, pull_request]")
    assert not is_run_for_a_pull_request("on:\n  workflow_dispatch:")


def test_the_comment_is_posted_without_anything_of_the_repository() -> None:
    comment = jobs(ROOT / ".github" / "workflows" / "preview.yml")["comment"]
    assert not runs_code(comment)
    assert [step["run"] for step in comment["steps"] if "run" in step] == [COMMENT]


def test_a_stack_is_previewed_and_deployed_where_its_engine_is_and_behind_its_environment() -> None:
    own = ["self-hosted", "deploy"]
    by_ssh = (
        "${{ vars.SSH_KNOWN_HOSTS && 'ubuntu-24.04' || fromJSON('[\"self-hosted\", \"deploy\"]') }}"
    )
    for name, commands, runner in (
        ("preview-stack.yml", ["make preview"], own),
        ("deploy.yml", [LOG_IN, "make up"], by_ssh),
    ):
        (job,) = jobs(ROOT / ".github" / "workflows" / name).values()
        assert [step["run"] for step in job["steps"] if "run" in step] == commands
        assert job["runs-on"] == runner
        assert "inputs.stack" in job["environment"]
        assert not is_run_for_a_pull_request((ROOT / ".github" / "workflows" / name).read_text())


def parts(commands: Iterable[str]) -> set[tuple[str, str]]:
    """The targets that do the work, each with the variables that are set: test-all is two."""
    makefile = (ROOT / "Makefile").read_text()
    (test_all,) = re.findall(r"^test-all: ([a-z -]+) ##", makefile, re.MULTILINE)
    found = [match for match in map(MAKE.fullmatch, commands) if match]
    return {
        (part, variables if part == "test-long" else "")
        for target, variables in (match.groups() for match in found)
        for part in (test_all.split() if target == "test-all" else [target])
    }


def test_the_checks_are_those_of_the_gate_that_is_run_by_hand() -> None:
    checks = ROOT / ".github" / "workflows" / "checks.yml"
    by_hand = parts((ROOT / ".ci" / "run").read_text().splitlines())
    assert {part for part, _ in by_hand} == {"lint", "test", "test-long"}
    assert parts(step.get("run", "") for step in steps(checks)) == by_hand


def test_the_core_is_tested_on_the_runner_s_engine_the_oldest_and_a_newer_one() -> None:
    test = jobs(ROOT / ".github" / "workflows" / "checks.yml")["test"]
    runner, oldest, newer = test["strategy"]["matrix"]["docker"]
    assert oldest.startswith(f"v{engine.OLDEST}.")
    assert newer.startswith(f"v{newer_engines.VERSIONS[-1]}.")
    (installs,) = (step for step in test["steps"] if "setup-docker" in step.get("uses", ""))
    assert installs["if"] == f"matrix.docker != '{runner}'"
    assert installs["with"] == {"version": "${{ matrix.docker }}", "set-host": True}
    assert test["steps"].index(installs) < test["steps"].index({"run": "make test"})


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
