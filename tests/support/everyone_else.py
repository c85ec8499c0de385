"""Measure what other clients notice while some are slow."""

import time
from contextlib import AbstractContextManager

from tests.support.contract import HELLO, WHO
from tests.support.deployment import Deployment
from tests.support.load import Report, Request, load
from tests.support.polling import wait_until

RATE = 50
BURST_SECONDS = 5  # while all of them connect
SLOWER = 5  # times slower at most than without them, but a second is always allowed


def everyone_else(
    standing: Deployment, attack: AbstractContextManager[None], seconds: float
) -> None:
    """Check that other clients get complete answers in time, and that no container restarts."""
    usual = _load(standing, 3)
    with attack:
        burst = _load(standing, BURST_SECONDS)
        report = _load(standing, seconds)
    for one in (burst, report):
        assert one.losses == [], one.summary()
        assert len(one.own) < one.sent / 100, one.summary()
    assert report.sent >= 0.8 * RATE * seconds
    assert report.p99 < max(1, SLOWER * usual.p99), report.summary()
    for container in standing.containers():
        assert container.attrs["RestartCount"] == 0
        assert not container.attrs["State"]["OOMKilled"]


def _load(standing: Deployment, seconds: float) -> Report:
    requests = [
        Request(path=path, bodies=(body,), keep_alive=keep_alive)
        for keep_alive in (True, False)
        for path, body in (("/api/v1/say_hello", HELLO), ("/api/v2/who_am_i", WHO))
    ]
    until = time.monotonic() + seconds
    with load(standing.url, requests, rate=RATE) as report:
        wait_until(lambda: time.monotonic() > until, "the load goes on", seconds + 5)
    return report
