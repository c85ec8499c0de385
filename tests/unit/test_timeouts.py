"""The time-outs of a request's way follow from one number of its service's row."""

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import rollout, timeouts
from topology import Service

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = Service.timeout


def constant(file: str, pattern: str) -> int:
    (found,) = re.findall(pattern, (ROOT / file).read_text(), re.MULTILINE)
    return int(found)


def test_what_follows_from_the_default() -> None:
    stop = timeouts.stop(DEFAULT)
    assert (DEFAULT, timeouts.graceful(DEFAULT), stop) == (5, 8, 12)
    assert (timeouts.drain(stop), timeouts.drained(stop)) == (20, 50)


@pytest.mark.parametrize("timeout", [1, DEFAULT, 30, timeouts.LONGEST])
def test_each_outlasts_the_one_before(timeout: int) -> None:
    stop = timeouts.stop(timeout)
    assert timeout < timeouts.graceful(timeout) < stop
    # Connecting takes a second, and the drain ends a second after the last request.
    assert timeout + 2 < timeouts.drain(stop) < timeouts.drained(stop)
    assert 2 * timeouts.drained(stop) <= rollout.drain_limit({"destroyGraceSeconds": stop})
    assert stop < 20 * 60  # the provider's own limit of a deletion


@pytest.mark.parametrize(("timeout", "ping"), [(1, 0.5), (DEFAULT, 2.5), (600, 20)])
def test_a_stream_shows_life_before_the_gateway_closes_it(timeout: int, ping: float) -> None:
    assert timeouts.ping(timeout) == ping


def test_what_cannot_read_the_table_agrees_with_it() -> None:
    stop = timeouts.stop(DEFAULT)
    server = constant("services/chassis/server.py", r'"GRACEFUL_SECONDS", "(\d+)"')
    assert server == timeouts.graceful(DEFAULT)
    call = constant("services/chassis/client.py", r'"CALL_SECONDS", "(\d+)"')
    assert call == timeouts.call(DEFAULT)
    assert constant("nginx/gateway", r"^DRAIN_SECONDS=(\d+)") == timeouts.drain(stop)
    old_workers = constant("nginx/nginx.conf", r"worker_shutdown_timeout (\d+)s;")
    keepalive = constant("nginx/nginx.conf", r"keepalive_timeout (\d+)s;")
    assert old_workers > max(timeouts.LONGEST, keepalive)


def test_a_replica_is_drained_for_as_long_as_its_own_requests_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As its own inputs say, as the row may have another time-out by now."""
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        rollout,
        "tell_gateway",
        lambda *command, within, say: told.append((*command, say, within)),
    )
    streams = [{"label": "microservices.streams", "value": "60"}]
    for stop, labels in ((12, []), (37.0, []), (12, streams)):  # Pulumi passes numbers as floats
        inputs = {"name": "one-router_one", "destroyGraceSeconds": stop, "labels": labels}
        rollout.drain_replica("one-", inputs)
        assert rollout.drain_limit(inputs) > told[-1][-1]
    assert told == [
        ("one-", "drain", "one-router_one", "20", pulumi.log.warn, 50),
        ("one-", "drain", "one-router_one", "45", pulumi.log.warn, 75),
        ("one-", "drain", "one-router_one", "60", pulumi.log.info, 90),
    ]
