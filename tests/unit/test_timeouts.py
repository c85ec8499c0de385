"""The time-outs of a request's way follow from one number of its service's row."""

import re
from pathlib import Path

import pytest

from infra import engine, rollout, timeouts
from topology import Service

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = Service.timeout


def constant(file: str, pattern: str) -> int:
    (found,) = re.findall(pattern, (ROOT / file).read_text(), re.MULTILINE)
    return int(found)


def test_what_follows_from_the_default() -> None:
    stop = timeouts.stop(DEFAULT)
    assert (DEFAULT, timeouts.graceful(DEFAULT), stop) == (5, 8, 12)
    assert (timeouts.drain(stop), timeouts.drained(stop)) == (20, engine.ANSWER_SECONDS)


@pytest.mark.parametrize("timeout", [1, DEFAULT, 30, timeouts.LONGEST])
def test_each_outlasts_the_one_before(timeout: int) -> None:
    stop = timeouts.stop(timeout)
    assert timeout < timeouts.graceful(timeout) < stop
    # Connecting takes a second, and the drain ends a second after the last request.
    assert timeout + 2 < timeouts.drain(stop) < timeouts.drained(stop)
    assert 2 * timeouts.drained(stop) <= rollout.drain_limit({"destroyGraceSeconds": stop})
    assert stop < 20 * 60  # the provider's own limit of a deletion


def test_what_cannot_read_the_table_agrees_with_it() -> None:
    stop = timeouts.stop(DEFAULT)
    server = constant("services/chassis/server.py", r'"GRACEFUL_SECONDS", "(\d+)"')
    assert server == timeouts.graceful(DEFAULT)
    assert constant("nginx/gateway", r"^DRAIN_SECONDS=(\d+)") == timeouts.drain(stop)
    old_workers = constant("nginx/nginx.conf", r"worker_shutdown_timeout (\d+)s;")
    keepalive = constant("nginx/nginx.conf", r"keepalive_timeout (\d+)s;")
    assert old_workers > max(timeouts.LONGEST, keepalive)


def test_a_replica_is_drained_for_as_long_as_its_own_requests_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As its own inputs say, as the row may have another time-out by now."""
    told: list[object] = []
    monkeypatch.setattr(
        rollout,
        "tell_gateway",
        lambda *command, within: told.append((*command, within)),
    )
    for stop in (12, 37.0):  # Pulumi passes numbers as floats
        inputs = {"name": "one-router_one", "destroyGraceSeconds": stop}
        rollout.drain_replica("one-", inputs)
    assert told == [
        ("one-", "drain", "one-router_one", "20", 30),
        ("one-", "drain", "one-router_one", "45", 55),
    ]
