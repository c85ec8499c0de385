"""One deployment for the tests of faults and of repeated updates.

How often: ROUNDS of each update, REQUESTS for growth.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.shared import Shared
from tests.support.updates import change

# Adds a slow route, and one that allocates more memory than its limit.
SLOW_AND_GREEDY = """

import asyncio


@chassis.any_method
async def slow(request: Request) -> Response:
    await asyncio.sleep(1)
    return chassis.answer(2000, "ok")


@chassis.any_method
async def greedy(request: Request) -> Response:
    kept = [bytes(10_000_000).replace(bytes(1), b"x") for _ in range(100)]
    return chassis.answer(len(kept), "never")


ROUTES = [Route("/slow", slow), Route("/greedy", greedy)]
"""


def add_test_routes(deployment: Deployment) -> None:
    for service in ("microservice1", "microservice2"):
        app = deployment.project / "services" / service / "app.py"
        change(app, "import chassis\n", f"import chassis\n{SLOW_AND_GREEDY}")
        change(app, "routes=[", "routes=[*ROUTES, ")


def log_attempts(deployment: Deployment) -> None:
    """Have nginx log of each attempt where it went, when it connected, and its status."""
    conf = deployment.project / "nginx" / "nginx.conf"
    last = "$upstream_response_time'"
    attempts = "[$upstream_addr] [$upstream_connect_time] [$upstream_status]"
    change(conf, last, f"{last}\n' {attempts}'")


def prepare(deployment: Deployment) -> None:
    add_test_routes(deployment)
    log_attempts(deployment)


@pytest.fixture(scope="session")
def _production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    def folder() -> Path:
        return tmp_path_factory.mktemp("production")

    one = Shared(folder, prepare, mode="production", replicas="2")
    yield one
    one.remove()


@pytest.fixture
def production(_production: Shared) -> Deployment:
    """A deployment in production mode, two replicas a service, with the tests' own routes."""
    return _production.get()
