"""What other clients see while some take their time."""

import time

from tests.support.contract import HELLO, WHO, ask
from tests.support.deployment import Deployment
from tests.support.load import Request, load
from tests.support.waiting import wait_until


def is_quick(url: str) -> bool:
    began = time.monotonic()
    return ask(url + "/api/v1/say_hello")[2] == HELLO and time.monotonic() - began < 0.3


def everyone_else(standing: Deployment, seconds: float) -> None:
    """Others are answered in full and in time, by containers that did not restart."""
    requests = [
        Request(path=path, bodies=(body,), keep_alive=keep_alive)
        for keep_alive in (True, False)
        for path, body in (("/api/v1/say_hello", HELLO), ("/api/v2/who_am_i", WHO))
    ]
    # The clients have only just connected, all at once: how it is from then on counts.
    wait_until(lambda: is_quick(standing.url), "the first burst is over")
    until = time.monotonic() + seconds
    with load(standing.url, requests, rate=50) as report:
        wait_until(lambda: time.monotonic() > until, "the attack goes on", seconds + 5)
    assert report.losses == [], report.summary()
    assert report.sent >= 40 * seconds
    assert report.p99 < 1, report.summary()
    for container in standing.containers():
        assert container.attrs["RestartCount"] == 0
        assert not container.attrs["State"]["OOMKilled"]
