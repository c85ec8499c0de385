"""Requests over HTTPS, paired with HTTP and with the tutorial's nginx and the same certificate."""

import contextlib
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import trustme
from docker.models.containers import Container

from bench import gateways, stacks, wrk
from bench.rows import Row, in_turns, rates, ratios
from bench.stacks import Stack
from tools.setup.progress import Progress
from topology import SERVICES

THEIRS = "tutorial's nginx, same certificate"
STARTED_WITHIN = 20.0
PORTS = {"http": 80, "https": 443}


def rows(ours: Stack, theirs: Stack, rounds: int, seconds: int, show: Progress) -> list[Row]:
    issued = trustme.CA().issue_cert("shop.test")
    pem = issued.cert_chain_pems[0].bytes() + issued.private_key_pem.bytes()
    with (
        show.step("https", "requests over HTTPS"),
        gateways.started(ours, SERVICES) as (plain, _),
        gateways.started(ours, SERVICES, pem) as (secure, _),
        _tutorial(theirs, pem) as tutorial,
    ):
        measured = {
            "plain": ("http", plain, False),
            "kept": ("https", secure, False),
            "new": ("https", secure, True),
            "their kept": ("https", tutorial, False),
            "their new": ("https", tutorial, True),
        }
        found = in_turns(
            rounds,
            {
                name: partial(_rate, gateway, scheme, ours.path, seconds, close=close)
                for name, (scheme, gateway, close) in measured.items()
            },
        )
    return [
        Row(
            what="requests/s over HTTPS, 32 connections, keep-alive",
            paired_with="the same over HTTP",
            values=ratios(found["kept"], found["plain"]),
            at_least=0.85,
            detail=rates(found["kept"], found["plain"]),
        ),
        Row(
            what="the same",
            paired_with=THEIRS,
            values=ratios(found["kept"], found["their kept"]),
            detail=rates(found["kept"], found["their kept"]),
        ),
        Row(
            what="new HTTPS connections/s, a request on each",
            paired_with=THEIRS,
            values=ratios(found["new"], found["their new"]),
            detail=rates(found["new"], found["their new"]),
        ),
    ]


def _rate(gateway: Container, scheme: str, path: str, seconds: int, *, close: bool) -> float:
    gateway.restart(timeout=5)
    address = stacks.address_of(gateway)
    _wait_until_it_listens(address, PORTS[scheme])
    url = f"{scheme}://{address}{path}"
    return wrk.run(url, connections=32, seconds=seconds, close=close).rate


def _wait_until_it_listens(address: str, port: int) -> None:
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        if time.monotonic() > deadline:
            raise wrk.BenchError(f"{address}:{port} did not listen within {STARTED_WITHIN:.0f} s")
        time.sleep(0.02)


@contextlib.contextmanager
def _tutorial(stack: Stack, certificate: bytes) -> Iterator[Container]:
    """Run the tutorial's nginx with HTTPS beside its own."""
    text = (stacks.TUTORIAL / "nginx.conf").read_text()
    plain = "listen       80;"
    secure = f"{plain}\n        listen 443 ssl;\n"
    for name in ("certificate", "certificate_key"):
        secure += f"        ssl_{name} /site.pem;\n"
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        (folder / "nginx.conf").write_text(text.replace(plain, secure))
        (folder / "site.pem").write_bytes(certificate)
        container = stack.engine.containers.create(
            stacks.image_of(stack.gateway),
            name=f"{stack.gateway.name}-{uuid.uuid4().hex[:8]}",
            network=stacks.network_of(stack.gateway),
            volumes=[
                f"{folder / 'nginx.conf'}:/etc/nginx/nginx.conf:ro",
                f"{folder / 'site.pem'}:/site.pem:ro",
                f"{stacks.PAGE}:/frontend:ro",
            ],
        )
        try:
            container.start()
            yield container
        finally:
            container.remove(force=True)
