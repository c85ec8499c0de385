"""Pulumi repeats what failed because the engine could not list images while it removed one."""

import pulumi
import pytest

from infra import build_log, hooks, rollout

RACE = (
    "Unable to remove Docker image: unable to list Docker images: "
    "Error response from daemon: NotFound: content digest sha256:ee69: not found"
)


def failed(monkeypatch: pytest.MonkeyPatch, operation: str, *errors: str) -> tuple[bool, list[str]]:
    """Return whether it is tried again after these errors, the newest first, and what is said."""
    said: list[str] = []
    monkeypatch.setattr(hooks, "RETRY_SECONDS", 0)
    monkeypatch.setattr(build_log, "of", lambda _: "no coffee")
    monkeypatch.setattr(pulumi.log, "info", said.append)
    monkeypatch.setattr(pulumi.log, "error", said.append)
    args = pulumi.ErrorHookArgs("", "", "frontend", "", {"build": {"context": "nginx"}})
    args.failed_operation, args.errors = operation, list(errors)
    return rollout.retry_or_show_build(args), said


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_the_engine_s_race_is_no_failure(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    again, said = failed(monkeypatch, operation, RACE)
    assert again
    assert said == ["the engine removed another image than frontend; trying again"]


def test_it_is_tried_again_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(monkeypatch, "delete", *[RACE] * hooks.RETRIES)[0]
    assert not failed(monkeypatch, "delete", *[RACE] * (hooks.RETRIES + 1))[0]


def test_a_build_that_fails_is_shown_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    again, said = failed(monkeypatch, "create", "exit code: 1")
    assert not again
    assert said == ["frontend could not be built:\nno coffee"]
