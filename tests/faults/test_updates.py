"""Repeated updates under load: no request is lost, and no POST runs twice."""

import operator
import os
import re
from collections.abc import Callable, Sequence

import pytest

from tests.support.busy import busy
from tests.support.contract import ask
from tests.support.deployment import Deployment
from tests.support.load import Report, clients_of_all_pauses, load
from tests.support.notes import note
from tests.support.polling import wait_until
from tests.support.updates import (
    PER_SECOND,
    SLOW_PER_SECOND,
    explained,
    ids,
    kept,
    mixed,
    slow_posts,
)

ROUNDS = int(os.environ.get("ROUNDS", "2"))
UPDATE_SECONDS = 2  # at least, each
SEPARATOR = re.compile(
    r", | : "
)  # nginx's separators between attempts; " : " after an internal redirect

Effect = Callable[[], bool]


def replicas_of(deployment: Deployment, *services: str) -> set[str]:
    names = {"microservice1": "router_one", "microservice2": "router_two"}
    starts = tuple(names[service] for service in services)
    return {one for name, one in ids(deployment).items() if name.startswith(starts)}


def edit_files(deployment: Deployment, number: int, files: Sequence[str], *services: str) -> Effect:
    before = replicas_of(deployment, *services)
    for name in files:
        file = deployment.project / "services" / name
        file.write_text(f"{file.read_text()}\n# {number}\n")
    return lambda: before.isdisjoint(replicas_of(deployment, *services))


ONE, TWO = "microservice1", "microservice2"


def code_of_one(deployment: Deployment, number: int) -> Effect:
    return edit_files(deployment, number, [f"{ONE}/app.py"], ONE)


def code_of_both(deployment: Deployment, number: int) -> Effect:
    return edit_files(deployment, number, [f"{ONE}/app.py", f"{TWO}/app.py"], ONE, TWO)


def a_dependency(deployment: Deployment, number: int) -> Effect:
    return edit_files(deployment, number, ["requirements.txt"], ONE, TWO)


def replicas(deployment: Deployment, number: int) -> Effect:
    ones, twos = (3, 3) if number % 2 == 0 else (1, 2)
    deployment.config["replicas"] = str(twos)
    deployment.set_service("microservice1", replicas=ones)

    def is_scaled() -> bool:
        counts = [len(replicas_of(deployment, name)) for name in deployment.ports]
        return counts == [ones, twos]

    return is_scaled


def a_limit(deployment: Deployment, number: int) -> Effect:
    new = 160 if number % 2 == 0 else 128
    deployment.set_service("microservice1", memory=new)

    def limit() -> int:
        return int(deployment.container("microservice1").attrs["HostConfig"]["Memory"])

    return lambda: limit() == new * 1024 * 1024


def the_page_and_nginx(deployment: Deployment, number: int) -> Effect:
    conf = deployment.project / "nginx" / "nginx.conf"
    conf.write_text(f"{conf.read_text()}\n# {number}\n")
    style = deployment.project / "frontend" / "style.css"
    style.write_text(f"{style.read_text()}\n/* {number} */\n")
    return lambda: ask(f"{deployment.url}/style.css")[2] == style.read_bytes()


KINDS: dict[str, Callable[[Deployment, int], Effect]] = {
    "code of one service": code_of_one,
    "code of both": code_of_both,
    "a dependency": a_dependency,
    "replicas 2 to 3, to 1": replicas,
    "a memory limit": a_limit,
    "page and nginx.conf": the_page_and_nginx,
}


def posts(deployment: Deployment) -> list[str]:
    lines = deployment.container("nginx").logs().decode().splitlines()
    return [line for line in lines if '] "POST ' in line]  # not the error log, which quotes it too


def executions(line: str) -> int:
    """Return how many replicas took the request: connected to, and not refusing it as not theirs.

    The line ends with what `log_attempts` lets nginx add.
    """
    *_, connected, statuses = re.findall(r"\[([^\]]*)\]", line)
    attempts = zip(SEPARATOR.split(connected), SEPARATOR.split(statuses), strict=True)
    return sum(time != "-" and status != "421" for time, status in attempts)


@pytest.mark.parametrize(
    ("connected", "statuses", "count"),
    [
        ("0.000", "200", 1),
        ("-, 0.001", "502, 200", 1),
        ("0.000 : 0.001", "421 : 200", 1),
        ("0.000, 0.001", "502, 200", 2),
        ("0.000 : 0.001", "502 : 200", 2),
        ("-", "502", 0),
    ],
)
def test_executions_are_counted(connected: str, statuses: str, count: int) -> None:
    line = f'1.1.1.1 - - [x] "POST /slow HTTP/1.1" 200 1 "-" "-" 0.1 [{connected}] [{statuses}]'
    assert executions(line) == count


@pytest.mark.parametrize("kind", KINDS)
def test_no_update_loses_a_request(production: Deployment, kind: str) -> None:
    assert_no_update_loses_a_request(production, kind, ROUNDS)


def test_no_update_of_a_busy_machine_loses_a_request(production: Deployment) -> None:
    with busy(cpu=2, disk=1):
        assert_no_update_loses_a_request(production, "code of both", 1)


def assert_no_update_loses_a_request(production: Deployment, kind: str, rounds: int) -> None:
    """Steady load, POSTs that take a second, and clients that pause with a kept connection."""
    production.config["replicas"] = "2"
    production.set_service("microservice1", replicas=2)
    production.up()
    least = [UPDATE_SECONDS * rate for rate in (PER_SECOND, SLOW_PER_SECOND, 50)]
    reports: list[tuple[Report, Report, Report]] = []

    def so_far() -> tuple[Report, Report, Report]:
        return fast, slow, Report.total(idle.values())

    def have_all_sent_enough() -> bool:
        sent = [report.sent - len(report.own) for report in so_far()]
        return all(map(operator.gt, sent, least))

    for number in range(rounds):
        has_happened = KINDS[kind](production, number)
        assert not has_happened()
        with (
            load(production.url, mixed(production), rate=PER_SECOND) as fast,
            load(production.url, slow_posts(), rate=SLOW_PER_SECOND) as slow,
            clients_of_all_pauses(production.url, kept(production)) as idle,
        ):
            production.up()
            wait_until(have_all_sent_enough, "load, also where an update takes a second")
        assert has_happened()
        for pause, report in idle.items():
            note(f"{kind}, {pause} s between two requests", report.summary())
            assert report.reopened == 0, f"{pause} s: {report.reopened} connections were closed"
        reports.append(so_far())
    totals = [Report.total(column) for column in zip(*reports, strict=True)]
    for what, report in zip(("", ", POSTs of 1 s", ", idle"), totals, strict=True):
        note(f"{rounds} x {kind}{what}", report.summary())
    for report, sent in zip(totals, least, strict=True):
        assert report.losses == [], explained(production, report)
        assert report.sent - len(report.own) > rounds * sent, report.summary()
    executed = posts(production)
    assert len(executed) >= min(totals[1].sent, 1000)  # the engine keeps only the newest log lines
    assert [line for line in executed if executions(line) > 1] == []
