"""A container's limit on processes, on engines that have limits and on those that have none."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from infra import engine, process_limit
from tools.recover import limits
from tools.recover.state import EMPTY

INPUTS = {"name": "one", "labels": [{"label": "microservices.pids-limit", "value": "64"}]}

WARNING = "one has no limits: the Docker engine cannot limit processes and memory"


def engine_with(limit: bool) -> Any:  # noqa: ANN401, FBT001  in place of a client; the one choice
    return SimpleNamespace(info=lambda: {"PidsLimit": limit})


@pytest.mark.parametrize(
    ("has_limits", "limited", "warned"),
    [(True, [("one", 64)], []), (False, [], [WARNING])],
)
def test_a_container_is_limited_where_the_engine_can(
    monkeypatch: pytest.MonkeyPatch,
    has_limits: bool,  # noqa: FBT001  as pytest calls it
    limited: list[tuple[str, int]],
    warned: list[str],
) -> None:
    done: list[tuple[str, int]] = []
    said: list[str] = []
    monkeypatch.setattr(engine, "client", lambda: nullcontext(engine_with(has_limits)))
    monkeypatch.setattr(engine, "set_process_limit", lambda _, *what: done.append(what))
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    process_limit._limit(INPUTS)  # noqa: SLF001  what the hook does
    assert (done, said) == (limited, warned)


def test_the_recovery_sets_none_where_there_is_none() -> None:
    assert limits.set_missing(engine_with(False), EMPTY) == []  # noqa: FBT003  the one choice
