"""Long tests of faults and of repeated updates: `make test-faults`.

How often: ROUNDS of each update, CYCLES of three kills, REQUESTS for growth.
"""

import os
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Deployment, deployment, fresh, standing

__all__ = ["deployment", "fresh", "standing"]

ROUNDS = int(os.environ.get("ROUNDS", "2"))
TABLE: list[tuple[str, str]] = []

# A slow request, and one that takes more memory than there is; the contract's paths stay.
SLOW_AND_GREEDY = """
import asyncio


class Slow:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(1)
        await HEALTHY(scope, receive, send)


class Greedy:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [bytes(10_000_000).replace(bytes(1), b"x") for _ in range(100)]
        await answer(200, len(kept), "never")(scope, receive, send)


service.routes += [Route("/slow", Slow()), Route("/greedy", Greedy())]
"""


def add_test_routes(deployment: Deployment) -> None:
    for service in ("microservice1", "microservice2"):
        app = deployment.project / "services" / service / "app.py"
        text = app.read_text()
        assert "\ndef main()" in text
        app.write_text(text.replace("\ndef main()", f"{SLOW_AND_GREEDY}\ndef main()"))


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment in production mode, two replicas a service, with the tests' own routes."""
    one = Deployment(tmp_path_factory.mktemp("production"), mode="production", replicas="2")
    add_test_routes(one)
    try:
        one.up()
        yield one
    finally:
        one.remove()


def note(what: str, seen: str) -> None:
    """Adds a row to the table that the run ends with."""
    TABLE.append((what, seen))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, seen in TABLE:
        terminalreporter.write_line(f"{what:<42} {seen}")
