"""Faults under load: what clients notice, and that the service recovers by itself."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.support.contract import HELLO, ask
from tests.support.deployment import Deployment
from tests.support.load import Report, load
from tests.support.notes import note
from tests.support.polling import wait_until
from tests.support.updates import explained, mixed, wait_relieved

PER_SECOND = 200
STARVING_PER_SECOND = 500
LOAD_SECONDS = 2  # at least: no fault takes less time
HEALED_SECONDS = 60.0
REPLICAS = [("microservice1", 1), ("microservice1", 2), ("microservice2", 1), ("microservice2", 2)]


def main_pid(deployment: Deployment, service: str, replica: int = 1) -> int:
    return int(deployment.container(service, replica).attrs["State"]["Pid"])


def program_pid(deployment: Deployment, service: str, replica: int = 1) -> int:
    """The init process's child, as the host numbers it."""
    parent = main_pid(deployment, service, replica)
    with open(f"/proc/{parent}/task/{parent}/children") as children:  # noqa: PTH123
        return int(children.read().split()[0])


def all_healthy(deployment: Deployment) -> bool:
    running = [c for c in deployment.containers() if "site" not in str(c.name)]
    return all(c.health == "healthy" for c in running)


def wait_healed(deployment: Deployment) -> float:
    began = time.monotonic()
    wait_until(lambda: all_healthy(deployment), "every container healthy", HEALED_SECONDS)
    return time.monotonic() - began


@contextmanager
def under_load(deployment: Deployment, what: str) -> Iterator[Report]:
    """Load during the fault and until all is healthy again; then a row of the table."""
    assert all_healthy(deployment)
    with load(deployment.url, mixed(deployment), rate=PER_SECOND) as report:
        yield report
        healed = wait_healed(deployment)
    assert report.sent > LOAD_SECONDS * PER_SECOND, report.summary()
    note(what, f"{report.summary()}; healthy after {healed:.1f} s")


def is_answered(deployment: Deployment) -> bool:
    with suppress(OSError):
        return ask(deployment.url + "/api/v1/say_hello")[2] == HELLO
    return False


@pytest.mark.parametrize(("service", "replica"), REPLICAS)
def test_a_replica_is_killed(production: Deployment, service: str, replica: int) -> None:
    killed = main_pid(production, service, replica)
    with under_load(production, f"kill -9 of {service}, replica {replica}") as report:
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: main_pid(production, service, replica) not in {0, killed}, "restarted")
    assert [loss for loss in report.losses if loss.startswith("GET")] == [], explained(
        production, report
    )


def test_every_replica_of_a_service_is_killed(production: Deployment) -> None:
    pids = [main_pid(production, "microservice1", replica) for replica in (1, 2)]
    with under_load(production, "kill -9 of all of microservice1") as report:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_answered(production), "served again")
    assert [loss for loss in report.losses if "/api/v1" not in loss] == [], explained(
        production, report
    )


@pytest.mark.parametrize("name", ["nginx", "frontend"])
def test_the_gateway_is_killed(production: Deployment, name: str) -> None:
    """Either of its containers: nginx, or the one that has the network."""
    wait_relieved(production)
    killed = main_pid(production, name)
    with under_load(production, f"kill -9 of the gateway, {name}") as report:
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: main_pid(production, name) not in {0, killed}, "restarted")
        wait_until(lambda: is_answered(production), "served again")
    assert report.longest_gap < 10, report.summary()


def test_every_container_is_killed_at_once(production: Deployment) -> None:
    """If Docker does not start nginx again, the container whose network it joins serves."""
    wait_relieved(production)
    names = [("frontend", 1), ("nginx", 1), *REPLICAS]
    pids = [main_pid(production, *name) for name in names]
    with load(production.url, mixed(production), rate=PER_SECOND) as report:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_answered(production), "served again")
        production.up("--refresh")
        wait_healed(production)
    note("kill -9 of every container, then up", report.summary())
    lost = report.lost_at or [0.0]
    assert max(lost) - min(lost) < 15, report.summary()
    production.operate("preview", "--refresh", "--expect-no-changes")


def test_a_replica_hangs(production: Deployment) -> None:
    """No answer to the health check ends it; until then the other replica answers."""
    hung, container = (
        program_pid(production, "microservice1"),
        main_pid(production, "microservice1"),
    )
    with under_load(production, "SIGSTOP of microservice1, replica 1") as report:
        os.kill(hung, signal.SIGSTOP)
        wait_until(lambda: main_pid(production, "microservice1") not in {0, container}, "ended")
    assert [loss for loss in report.losses if loss.startswith("GET")] == [], explained(
        production, report
    )


def test_a_replica_runs_out_of_memory(production: Deployment) -> None:
    def restarts() -> int:
        return sum(
            int(production.container("microservice2", replica).attrs["RestartCount"])
            for replica in (1, 2)
        )

    before = restarts()
    with under_load(production, "out of memory in microservice2") as report:
        assert ask(production.url + "/api/v2/greedy", "POST")[0] == 502
        wait_until(lambda: restarts() > before, "restarted")
    assert [loss for loss in report.losses if loss.startswith("GET")] == [], explained(
        production, report
    )


def test_a_replica_is_disconnected(production: Deployment) -> None:
    network = production.engine.networks.get(production.config["networkName"])
    container = production.container("microservice1")
    address = production.address("microservice1")
    with under_load(production, "network disconnect of microservice1, replica 1") as report:
        network.disconnect(container)
        wait_until(lambda: report.sent > PER_SECOND * 3, "load went on")
        network.connect(container, aliases=["router_one"], ipv4_address=address)
    assert [loss for loss in report.losses if loss.startswith("GET")] == [], explained(
        production, report
    )


def test_nginx_is_stopped_by_hand(production: Deployment) -> None:
    """The container beside it serves, until an update starts it again."""
    wait_relieved(production)
    with load(production.url, mixed(production), rate=PER_SECOND) as report:
        production.container("nginx").stop()
        until = report.sent + 5 * PER_SECOND
        wait_until(lambda: report.sent > until, "load went on")
        production.up("--refresh")
    note("nginx is stopped by hand, then up", report.summary())
    assert report.longest_gap < 3, report.summary()
    lost = report.lost_at or [0.0]
    assert max(lost) - min(lost) < 3, report.summary()
    wait_healed(production)
    production.operate("preview", "--refresh", "--expect-no-changes")


WHAT_ONLY_UP_HEALS: dict[str, Callable[[Deployment], None]] = {
    "a container is removed": lambda d: d.container("microservice1").remove(force=True),
    "a container is stopped by hand": lambda d: d.container("microservice1").stop(),
}


@pytest.mark.parametrize("what", WHAT_ONLY_UP_HEALS)
def test_what_up_heals(production: Deployment, what: str) -> None:
    with under_load(production, f"{what}, then up") as report:
        WHAT_ONLY_UP_HEALS[what](production)
        production.up("--refresh")
    assert [loss for loss in report.losses if loss.startswith("GET")] == [], explained(
        production, report
    )
    production.operate("preview", "--refresh", "--expect-no-changes")


def test_a_gateway_with_little_cpu_takes_no_connection_for_a_late_one(
    production: Deployment,
) -> None:
    production.up()
    gateway = production.container("nginx")
    begin = int(time.time())
    gateway.update(cpu_period=1_000_000, cpu_quota=40_000)  # it waits up to a second for CPU
    try:
        with load(production.url, mixed(production), rate=STARVING_PER_SECOND) as report:
            wait_until(lambda: report.sent > 20 * STARVING_PER_SECOND, "load went on")
    finally:
        gateway.update(cpu_period=100_000, cpu_quota=-1)
    note("the gateway has 4 % of a core", report.summary())
    assert report.slowest > 0.5, "it had CPU enough"
    lines = gateway.logs(since=begin).decode().splitlines()
    assert len(lines) > report.sent / 2
    assert [line for line in lines if re.search(r"\[[^]]*504[^]]*\]$", line)] == []
