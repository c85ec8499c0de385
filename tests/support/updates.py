"""Edits of a deployment's sources, and the requests that must survive their update."""

from pathlib import Path

from tests.support.contract import HELLO, WHO
from tests.support.deployment import Deployment
from tests.support.load import Report, Request

REQUESTS_PER_SECOND = 200


def page(deployment: Deployment) -> bytes:
    return (deployment.project / "frontend" / "index.html").read_bytes()


def mixed(deployment: Deployment, *pages: bytes) -> list[Request]:
    """Both routes and the page, a POST among them, on kept connections and on new ones."""
    return [
        Request(path=path, bodies=bodies, method=method, keep_alive=keep_alive)
        for keep_alive in (True, False)
        for path, bodies, method in (
            ("/api/v1/say_hello", (HELLO,), "GET"),
            ("/api/v2/who_am_i", (WHO,), "GET"),
            ("/api/v2/who_am_i", (WHO,), "POST"),
            ("/", (page(deployment), *pages), "GET"),
        )
    ]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new, 1))


def edit_code(deployment: Deployment, service: str = "microservice1") -> None:
    change(deployment.project / "services" / service / "app.py", "NAME =", "# edited\nNAME =")


def ids(deployment: Deployment) -> dict[str, str]:
    return {str(c.name).removeprefix(deployment.prefix): str(c.id) for c in deployment.containers()}


def assert_nothing_lost(report: Report, *, seconds: float = 3) -> None:
    """The load must have lasted that long, with clients that were in time to see."""
    assert report.losses == [], report.summary()
    assert report.sent - len(report.own) > seconds * REQUESTS_PER_SECOND, report.summary()
    assert len(report.own) < report.sent / 100, report.summary()
