"""Configuration keys whose effect can only be seen on a real deployment."""

import json
import sys

from tests.support.contract import ask
from tests.support.deployment import Deployment
from tests.support.processes import run

CLIENT = "192.0.2.6"


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
