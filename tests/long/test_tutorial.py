"""The same faults on the tutorial's stack, for the table of docs/reliability.md."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import docker
import pytest
from docker.models.containers import Container

from bench import stacks
from tests.support.contract import HELLO, WHO, ask
from tests.support.load import Report, Request, load
from tests.support.notes import note
from tests.support.polling import wait_until
from tools.setup.progress import Progress

PER_SECOND = 200
AFTER_SECONDS = 5.0  # after the fault, to see that the stack stays broken


@pytest.fixture
def tutorial() -> Iterator[stacks.Stack]:
    engine = docker.from_env()
    with stacks.tutorial(engine, Progress()) as stack:
        wait_until(lambda: is_served(stack), "the tutorial's stack serves")
        yield stack
    engine.close()


def url(stack: stacks.Stack) -> str:
    return f"http://{stacks.address_of(stack.gateway)}"


def is_served(stack: stacks.Stack) -> bool:
    with suppress(OSError, docker.errors.DockerException):
        return ask(url(stack) + "/api/v1/say_hello")[2] == HELLO
    return False


@contextmanager
def under_load(stack: stacks.Stack, what: str) -> Iterator[Report]:
    page = (stacks.PAGE / "index.html").read_bytes()
    requests = [
        Request(path=path, bodies=(body,), keep_alive=keep_alive)
        for keep_alive in (True, False)
        for path, body in (("/api/v1/say_hello", HELLO), ("/api/v2/who_am_i", WHO), ("/", page))
    ]
    with load(url(stack), requests, rate=PER_SECOND) as report:
        yield report
        until = time.monotonic() + AFTER_SECONDS
        wait_until(lambda: time.monotonic() > until, "the load goes on", 2 * AFTER_SECONDS)
    note(f"tutorial: {what}", report.summary())


def siblings(stack: stacks.Stack) -> list[Container]:
    """Both services' containers."""
    prefix = str(stack.service.name).rpartition("-")[0]
    return [stack.engine.containers.get(f"{prefix}-{name}") for name in stacks.SERVICE_FOLDERS]


def restart_in_the_other_order(stack: stacks.Stack) -> None:
    services = siblings(stack)
    for service in services:
        service.stop(timeout=0)
    for service in reversed(services):
        service.start()


def kill(container: Container) -> None:
    container.reload()
    os.kill(int(container.attrs["State"]["Pid"]), signal.SIGKILL)


FAULTS: dict[str, Callable[[stacks.Stack], None]] = {
    "both services made anew, in the other order": restart_in_the_other_order,
    "kill -9 of one service": lambda stack: kill(stack.service),
    "the gateway restarted for a new nginx.conf": lambda stack: stack.gateway.restart(timeout=5),
    "kill -9 of the gateway": lambda stack: kill(stack.gateway),
}


@pytest.mark.parametrize("what", FAULTS)
def test_the_tutorials_stack_loses_requests(tutorial: stacks.Stack, what: str) -> None:
    with under_load(tutorial, what) as report:
        FAULTS[what](tutorial)
    assert report.lost > 0, "then the table's comparison is no longer true"
