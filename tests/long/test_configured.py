"""Keys and fields of rows whose effect can only be seen on a real deployment."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.settings import DEVELOPMENT, PRODUCTION
from tests.support import base
from tests.support.contract import HELLO, ask
from tests.support.deployment import Deployment
from tests.support.processes import run
from tests.support.updates import change, edit_code, ids, replaced

CLIENT = "192.0.2.6"
SLOW_ROUTE = """
async def slow(_request: Request) -> Response:
    await asyncio.sleep(20)
    return HELLO


app ="""


def seen_as(one: Deployment) -> dict[str, str]:
    """What a service is told of a request that a proxy has forwarded for CLIENT."""
    headers = {"X-Forwarded-For": CLIENT, "X-Trace": "1"}
    _, answered, _ = ask(f"{one.url}/api/v1/say_hello", headers=headers)
    found: dict[str, str] = json.loads(answered["x-trace"])["headers"]
    return found


def test_a_trusted_proxy_is_believed_and_another_is_not(fresh: Deployment) -> None:
    fresh.up()
    before = seen_as(fresh)
    peer = before["x-real-ip"]
    assert CLIENT not in before.values()
    fresh.config["trustedProxies"] = [peer]
    fresh.up()
    after = seen_as(fresh)
    assert after["x-real-ip"] == after["x-forwarded-for"] == CLIENT
    fresh.config["trustedProxies"] = ["192.0.2.99"]
    fresh.up()
    assert seen_as(fresh)["x-real-ip"] == peer


def test_without_an_engine_a_preview_says_so_and_shows_no_creates(fresh: Deployment) -> None:
    # Without an engine the program does not know that it has stand-ins only.
    fresh.config |= {"pythonImage": base.python(), "nginxImage": base.nginx()}
    fresh.up()
    fresh.environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    try:
        plain = fresh.operate("preview", check=False)
        refreshing = fresh.operate("preview", "--refresh", check=False)
        made = run(
            [sys.executable, "-m", "tools.recover.presence", "--stack", fresh.stack],
            seconds=60,
            cwd=fresh.project,
            env=fresh.environment,
        )
    finally:
        del fresh.environment["DOCKER_HOST"]
    assert "no Docker engine answers" in plain.stdout
    assert refreshing.returncode != 0
    assert made.returncode != 0, made.stdout
    for done in (plain, refreshing, made):
        assert "+ " not in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
    fresh.operate("preview", "--refresh", "--expect-no-changes")


def make_slow(one: Deployment) -> None:
    change(one.project / "topology.py", 'call="/say_hello",', 'call="/say_hello", timeout=30,')
    app = one.project / "services" / "microservice1" / "app.py"
    change(app, "from starlette.requests", "import asyncio\n\nfrom starlette.requests")
    change(app, "\napp =", SLOW_ROUTE.rstrip("\n"))
    change(app, "routes=[", 'routes=[Route("/slow", slow, methods=["POST"]), ')


@pytest.mark.parametrize("mode", [DEVELOPMENT, PRODUCTION])
def test_requests_of_a_slow_service_survive_its_replacement(fresh: Deployment, mode: str) -> None:
    fresh.config |= {"mode": mode, "replicas": 2 if mode == PRODUCTION else 1}
    make_slow(fresh)
    fresh.up()
    before = ids(fresh)
    edit_code(fresh)
    with ThreadPoolExecutor(6) as pool:
        slow = [pool.submit(ask, f"{fresh.url}/api/v1/slow", "POST", seconds=40) for _ in range(6)]
        began = time.monotonic()
        fresh.up()
        assert time.monotonic() - began > 15, "the update did not wait for the requests"
        assert {request.result()[2] for request in slow} == {HELLO}
    after = ids(fresh)
    assert replaced(before, after) >= {"router_one"}
