"""What is in the way of more requests/s: our services, or nginx itself."""

import contextlib
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from docker.models.containers import Container

from bench import gateways, stacks, wrk
from bench.rows import Row, in_turns, rates, ratios
from bench.serving import Pairs
from bench.stacks import Stack
from tools.setup import base_images
from tools.setup.progress import Progress
from tools.setup.versions import NGINX_IMAGE
from topology import SERVICES

GO = "go_router_one"
NGINX_ALONE = """\
worker_processes 2;
events { worker_connections 8192; multi_accept on; }
http {
    access_log off;
    keepalive_requests 100000;
    server { listen 80; return 200; }
}
"""


def rows(pairs: Pairs, show: Progress) -> list[Row]:
    in_go = replace(SERVICES[0], container=GO)
    with (
        show.step("ceilings", "Go behind our gateway, and nginx by itself"),
        _joined(pairs.ours, pairs.theirs.service),
        gateways.started(pairs.ours, SERVICES) as (mine, _),
        gateways.started(pairs.ours, [in_go, *SERVICES[1:]]) as (go, _),
        _nginx_alone(pairs.ours) as alone,
    ):
        measured = {"mine": mine, "go": go, "alone": alone}
        found = in_turns(
            pairs.rounds, {name: partial(_rate, pairs, one) for name, one in measured.items()}
        )
    return [
        Row(
            what="requests/s through our gateway, 32 connections",
            paired_with="Go's net/http behind our gateway",
            values=ratios(found["mine"], found["go"]),
            at_least=0.8,
            detail=rates(found["mine"], found["go"]),
        ),
        Row(
            what="the same",
            paired_with="nginx answering by itself: `return 200`",
            values=ratios(found["mine"], found["alone"]),
            detail=rates(found["mine"], found["alone"]),
        ),
    ]


def _rate(pairs: Pairs, gateway: Container) -> float:
    url = f"http://{_address(gateway, pairs.ours)}{pairs.ours.path}"
    wrk.wait_for(url)
    return wrk.run(url, connections=32, seconds=pairs.seconds).rate


def _address(container: Container, stack: Stack) -> str:
    container.reload()
    attached = container.attrs["NetworkSettings"]["Networks"]
    return str(attached[stacks.network_of(stack.gateway)]["IPAddress"])


@contextlib.contextmanager
def _joined(stack: Stack, service: Container) -> Iterator[None]:
    """Have a service of another stack in this one's network, too."""
    network = stack.engine.networks.get(stacks.network_of(stack.gateway))
    network.connect(service, aliases=[GO])
    try:
        yield
    finally:
        network.disconnect(service)


@contextlib.contextmanager
def _nginx_alone(stack: Stack) -> Iterator[Container]:
    with tempfile.TemporaryDirectory() as parent:
        file = Path(parent) / "nginx.conf"
        file.write_text(NGINX_ALONE)
        container = stack.engine.containers.create(
            base_images.on_engine(NGINX_IMAGE),
            name=f"{stack.gateway.name}-{uuid.uuid4().hex[:8]}",
            network=stacks.network_of(stack.gateway),
            volumes=[f"{file}:/etc/nginx/nginx.conf:ro"],
        )
        try:
            container.start()
            yield container
        finally:
            container.remove(force=True)
