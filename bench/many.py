"""A gateway with many services, paired with one with few."""

import contextlib
import signal
import statistics
import time
from collections.abc import Iterator

from docker.models.containers import Container

from bench import gateways, stacks, wrk
from bench.rows import Row, ratios
from bench.serving import copy_of
from bench.stacks import Stack
from tools.setup.progress import Progress
from topology import SERVICES, Service

FEW, MANY = 3, 100


def rows(stack: Stack, rounds: int, seconds: int, show: Progress) -> list[Row]:
    paired = f"a gateway with {FEW}"
    with (
        show.step("many", f"gateways with {FEW} and {MANY} services"),
        _service_of_many_names(stack),
        gateways.started(stack, _table(FEW)) as (few, few_size),
        gateways.started(stack, _table(MANY)) as (many, many_size),
    ):
        rates: dict[str, list[float]] = {few.name or "": [], many.name or "": []}
        reloads: dict[str, list[float]] = {name: [] for name in rates}
        for _ in range(rounds):
            for one in (few, many):
                url = f"http://{stacks.address_of(one)}/api/v{FEW}/say_hello"
                wrk.wait_for(url)
                done = wrk.run(url, connections=32, seconds=seconds)
                rates[one.name or ""].append(done.rate)
                reloads[one.name or ""].append(_reload(one))
    (few_rates, many_rates), (few_reloads, many_reloads) = rates.values(), reloads.values()
    return [
        Row(
            what=f"gateway with {MANY} services: requests/s",
            paired_with=paired,
            values=ratios(many_rates, few_rates),
            at_least=0.95,
        ),
        Row(
            what=f"gateway with {MANY} services: reload time",
            paired_with=paired,
            values=ratios(many_reloads, few_reloads),
            at_most=1.1,
            detail=" and ".join(
                f"{statistics.median(line) * 1000:.0f}" for line in (many_reloads, few_reloads)
            )
            + " ms",
        ),
        Row(
            what=f"gateway with {MANY} services: configuration, bytes a service",
            paired_with=paired,
            values=((many_size / MANY) / (few_size / FEW),),
            at_most=1.1,
            detail=f"{many_size / 1000:.1f} and {few_size / 1000:.1f} kB",
        ),
    ]


def _table(count: int) -> list[Service]:
    return [
        Service(
            name=SERVICES[0].name,
            container=f"router_{number}",
            prefix=f"/api/v{number}/",
            port=SERVICES[0].port,
            host_port=0,
        )
        for number in range(1, count + 1)
    ]


@contextlib.contextmanager
def _service_of_many_names(stack: Stack) -> Iterator[None]:
    """Run a copy of the service with every row's name as a network alias."""
    copy = copy_of(stack, [])
    try:
        network = stack.engine.networks.get(stacks.network_of(stack.service))
        network.disconnect(copy)
        network.connect(copy, aliases=[service.container for service in _table(MANY)])
        copy.start()
        wrk.wait_for(f"http://{stacks.address_of(copy)}{stack.direct}")
        yield
    finally:
        copy.remove(force=True)


def _reload(gateway: Container) -> float:
    """Reload nginx, and return the seconds until the new workers run."""
    before = stacks.processes(gateway)
    began = time.monotonic()
    gateway.kill(signal.SIGHUP)
    while len(set(stacks.processes(gateway)) - set(before)) < len(before) - 1:
        if time.monotonic() - began > 10:
            raise wrk.BenchError("the gateway did not reload within 10 s")
        time.sleep(0.002)
    return time.monotonic() - began
