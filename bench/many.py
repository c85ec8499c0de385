"""A gateway with many services, paired with one with few."""

import contextlib
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from docker.models.containers import Container

from bench import stacks, wrk
from bench.rows import Row, ratios
from bench.serving import copy_of
from bench.stacks import Stack
from infra import hosts, nginx
from tools.setup.progress import Progress
from topology import SERVICES, Service

FEW, MANY = 3, 100
CONFIGURATION = Path(__file__).resolve().parents[1] / "nginx"


def rows(stack: Stack, rounds: int, seconds: int, show: Progress) -> list[Row]:
    paired = f"a gateway with {FEW}"
    with (
        show.step("many", f"gateways with {FEW} and {MANY} services"),
        _service_of_many_names(stack),
        _gateway(stack, FEW) as (few, few_size),
        _gateway(stack, MANY) as (many, many_size),
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
            at_least=0.9,
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


@contextlib.contextmanager
def _gateway(stack: Stack, count: int) -> Iterator[tuple[Container, int]]:
    services = _table(count)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "nginx"
        shutil.copytree(CONFIGURATION, folder)
        (folder / "generated").mkdir()
        replicas = {service: (service.container,) for service in services}
        blocks = nginx.render(replicas)
        locations = nginx.render_locations(replicas)
        (folder / "generated" / "upstreams.conf").write_text(blocks)
        (folder / "generated" / "hosts.conf").write_text(hosts.render(replicas))
        (folder / "generated" / "locations.conf").write_text(locations)
        (folder / "certificate.conf").write_text("")
        Path(parent).chmod(0o755)
        container = stack.engine.containers.create(
            stacks.image_of(stack.gateway),
            entrypoint=["nginx", "-c", "/conf/nginx.conf", "-g", "daemon off;"],
            name=f"{stack.gateway.name}-of-{count}",
            network=stacks.network_of(stack.gateway),
            tmpfs={"/tmp": "mode=1777"},
            volumes=[f"{folder}:/conf:ro", f"{stacks.PAGE}:/frontend:ro"],
        )
        try:
            container.start()
            yield container, len(blocks) + len(locations)
        finally:
            container.remove(force=True)


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
