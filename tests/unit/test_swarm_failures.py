"""A service of a swarm is updated again when the swarm has changed it meanwhile."""

import pulumi
import pytest

from infra import hooks
from infra.swarm import failures

CONFLICT = "rpc error: code = Unknown desc = update out of sequence"


def failed(monkeypatch: pytest.MonkeyPatch, *errors: str) -> tuple[bool, list[str]]:
    """Return whether it is tried again after these errors, the newest first, and what is said."""
    said: list[str] = []
    monkeypatch.setattr(hooks, "RETRY_SECONDS", 0)
    monkeypatch.setattr(failures, "last_failure", lambda _: "")
    monkeypatch.setattr(pulumi.log, "info", said.append)
    monkeypatch.setattr(pulumi.log, "error", said.append)
    args = pulumi.ErrorHookArgs("", "", "frontend", "", {"name": "s-frontend"})
    args.failed_operation, args.errors = "update", list(errors)
    return failures.retry_or_show(args), said


def test_a_change_by_the_swarm_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    again, said = failed(monkeypatch, CONFLICT)
    assert again
    assert said == ["the swarm has changed s-frontend meanwhile; trying again"]


def test_it_is_tried_again_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(monkeypatch, *[CONFLICT] * hooks.RETRIES)[0]
    again, said = failed(monkeypatch, *[CONFLICT] * (hooks.RETRIES + 1))
    assert not again
    assert "s-frontend did not come up everywhere" in said[0]


def test_another_failure_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not failed(monkeypatch, "no such image", CONFLICT)[0]
