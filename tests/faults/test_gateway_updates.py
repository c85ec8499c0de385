"""The gateway's own container is replaced under load: no request is lost."""

import operator
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from docker.models.containers import Container

from tests.support.deployment import PULUMI_SECONDS, Deployment
from tests.support.load import Report, clients_of_all_pauses, load
from tests.support.notes import note
from tests.support.polling import wait_until
from tests.support.recovery import begin, exists, recover
from tests.support.updates import (
    PER_SECOND,
    SLOW_PER_SECOND,
    change,
    edit_gateway,
    explained,
    ids,
    kept,
    mixed,
    replaced,
    slow_posts,
    wait_relieved,
    workers,
)

ROUNDS = int(os.environ.get("ROUNDS", "2"))
REPLACED = {"frontend-nginx", "frontend-site"}  # a container that has ended has the script, too
UPDATE_SECONDS = 10  # at least, each
IDLE_PER_SECOND = 50


@contextmanager
def all_clients(deployment: Deployment) -> Iterator[list[Report]]:
    """Yield the reports: steady load, POSTs of a second, and clients that pause."""
    with (
        load(deployment.url, mixed(deployment), rate=PER_SECOND) as fast,
        load(deployment.url, slow_posts(), rate=SLOW_PER_SECOND) as slow,
        clients_of_all_pauses(deployment.url, kept(deployment)) as idle,
    ):
        reports = [fast, slow]
        yield reports
    reports.append(Report.total(idle.values()))


def test_no_new_image_of_the_gateway_loses_a_request(production: Deployment) -> None:
    production.up()
    rounds: list[list[Report]] = []
    for number in range(ROUNDS):
        wait_relieved(production)
        before = ids(production)
        edit_gateway(production, str(number))
        with all_clients(production) as reports:
            production.up()
        after = ids(production)
        assert replaced(before, after) == REPLACED
        rounds.append(reports)
    totals = [Report.total(column) for column in zip(*rounds, strict=True)]
    for what, report in zip(("", ", POSTs of 1 s", ", idle"), totals, strict=True):
        note(f"{ROUNDS} x the gateway's image{what}", report.summary())
    assert sum(idle.reopened for *_, idle in rounds) == 0, "idle connections were closed"
    for report in totals:
        assert report.losses == [], explained(production, report)
    rates = (PER_SECOND, SLOW_PER_SECOND, IDLE_PER_SECOND)
    sent = [report.sent - len(report.own) for report in totals]
    assert all(map(operator.gt, sent, (ROUNDS * UPDATE_SECONDS * rate for rate in rates)))


def test_a_gateway_that_does_not_start_stops_the_update_and_loses_nothing(
    production: Deployment,
) -> None:
    production.config["waitTimeout"] = "12"
    production.up()
    wait_relieved(production)
    script = production.project / "nginx" / "gateway"
    good = script.read_text()
    with all_clients(production) as reports:
        change(script, "    join) ", "    join) echo no coffee >&2 && exit 3 ;;\n    never) ")
        failed = production.up(check=False)
        script.write_text(good)
        assert workers(production, "frontend")
        del production.config["waitTimeout"]
        production.up()
        production.up("--refresh")  # restores the tag of the previous image
    assert failed.returncode != 0
    assert "no coffee" in failed.stdout + failed.stderr
    for report in reports:
        assert report.losses == [], explained(production, report)
    wait_relieved(production)
    production.operate("preview", "--refresh", "--expect-no-changes")


# Of a deployment and the nginx that is replaced.
MOMENTS: dict[str, Callable[[Deployment, Container], bool]] = {
    "standby has taken over": lambda d, _: bool(workers(d, "frontend")),
    "the new nginx is there": lambda d, old: (
        not exists(old) and "frontend-nginx" in ids(d) and d.container("nginx").health == "starting"
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_replacement_loses_nothing(production: Deployment, moment: str) -> None:
    production.up()
    wait_relieved(production)
    old = production.container("nginx")
    edit_gateway(production, moment)
    with all_clients(production) as reports:
        run = begin(production)
        wait_until(lambda: MOMENTS[moment](production, old), moment, PULUMI_SECONDS)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        said = recover(production)
        production.up("--refresh")
    note(f"kill -9 of pulumi: {moment}", f"{reports[0].summary()}; {len(said.splitlines())} lines")
    for report in reports:
        assert report.losses == [], explained(production, report)
    assert reports[0].sent > UPDATE_SECONDS * PER_SECOND
    wait_relieved(production)
    production.operate("preview", "--refresh", "--expect-no-changes")
