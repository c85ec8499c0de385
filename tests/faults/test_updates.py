"""Updates again and again under load: no request is lost, and no POST is sent twice."""

import os
from collections.abc import Callable

import pytest

from tests.support.deployment import Deployment
from tests.support.load import Report, Request, load
from tests.support.notes import note
from tests.support.updates import change, mixed

ROUNDS = int(os.environ.get("ROUNDS", "2"))
PER_SECOND = 500
SLOW_PER_SECOND = 40
OK = b'{"Code":2000,"Message":"ok"}'


def code_of(*services: str) -> Callable[[Deployment, int], None]:
    def edit(deployment: Deployment, number: int) -> None:
        for service in services:
            app = deployment.project / "services" / service / "app.py"
            app.write_text(f"{app.read_text()}\n# {number}\n")

    return edit


def a_dependency(deployment: Deployment, number: int) -> None:
    requirements = deployment.project / "services" / "microservice1" / "requirements.txt"
    requirements.write_text(f"{requirements.read_text()}\n# {number}\n")


def replicas(deployment: Deployment, number: int) -> None:
    deployment.config["replicas"] = "3" if number % 2 == 0 else "2,microservice1=1"


def a_limit(deployment: Deployment, number: int) -> None:
    containers = deployment.project / "infra" / "containers.py"
    sizes = ("128", "160") if number % 2 == 0 else ("160", "128")
    for key in ("memory", "memory_swap"):
        change(containers, f'"{key}": {sizes[0]}', f'"{key}": {sizes[1]}')


def the_page_and_nginx(deployment: Deployment, number: int) -> None:
    conf = deployment.project / "nginx" / "nginx.conf"
    conf.write_text(f"{conf.read_text()}\n# {number}\n")
    style = deployment.project / "frontend" / "style.css"
    style.write_text(f"{style.read_text()}\n/* {number} */\n")


KINDS: dict[str, Callable[[Deployment, int], None]] = {
    "code of one service": code_of("microservice1"),
    "code of both": code_of("microservice1", "microservice2"),
    "a dependency": a_dependency,
    "replicas 2 to 3, to 1": replicas,
    "a memory limit": a_limit,
    "page and nginx.conf": the_page_and_nginx,
}


def slow_posts() -> list[Request]:
    return [
        Request(path=f"{prefix}/slow", bodies=(OK,), method="POST", keep_alive=keep_alive)
        for prefix in ("/api/v1", "/api/v2")
        for keep_alive in (True, False)
    ]


def posts_sent_twice(deployment: Deployment) -> list[str]:
    """The access log ends with the upstream's time; of a request sent twice there are two."""
    lines = deployment.container("frontend").logs().decode().splitlines()
    return [line for line in lines if '"POST ' in line and ", " in line.rsplit('"', 1)[1]]


@pytest.mark.parametrize("kind", KINDS)
def test_no_update_loses_a_request(production: Deployment, kind: str) -> None:
    production.config["replicas"] = "2"
    production.up()
    reports: list[tuple[Report, Report]] = []
    for number in range(ROUNDS):
        KINDS[kind](production, number)
        with (
            load(production.url, mixed(production), rate=PER_SECOND) as fast,
            load(production.url, slow_posts(), rate=SLOW_PER_SECOND) as slow,
        ):
            production.up()
        reports.append((fast, slow))
    all_fast, all_slow = (Report.total(column) for column in zip(*reports, strict=True))
    note(f"{ROUNDS} x {kind}", all_fast.summary())
    note(f"{ROUNDS} x {kind}, POSTs of 1 s", all_slow.summary())
    assert all_fast.losses == [], all_fast.summary()
    assert all_slow.losses == [], all_slow.summary()
    assert posts_sent_twice(production) == []


def test_a_new_gateway_image_is_a_short_gap(production: Deployment) -> None:
    """One port has one owner: its container is replaced, and clients wait or ask again."""
    production.up()
    script = production.project / "nginx" / "gateway"
    reports = []
    for number in range(ROUNDS):
        script.write_text(f"{script.read_text()}\n# {number}\n")
        with load(production.url, mixed(production), rate=PER_SECOND) as report:
            production.up()
        reports.append(report)
    whole = Report.total(reports)
    note(f"{ROUNDS} x the gateway's image", whole.summary())
    assert whole.longest_gap < 10, whole.summary()
