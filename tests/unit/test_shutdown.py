"""A service that is stopped answers its open requests, and writes its whole log."""

import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.swarm import replicated
from tests.support.polling import wait_until
from tests.support.processes import free_ports, running
from tests.support.served import answers, environment
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]
WITH_A_SLOW_ROUTE = """
import asyncio
import chassis, chassis.log
from starlette.routing import Route

chassis.log.FLUSH_SECONDS = 3600

async def slow(request):
    await asyncio.sleep(float(request.query_params.get("seconds", 1)))
    return chassis.answer(2000, "ok")

app = chassis.service("probe", routes=[Route("/slow", slow)])
"""


@contextmanager
def slow_service(folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Serve WITH_A_SLOW_ROUTE, with more variables; yield the process and its port."""
    (folder / "app.py").write_text(WITH_A_SLOW_ROUTE)
    (port,) = free_ports(1)
    with running(
        [sys.executable, "-m", "chassis"],
        cwd=folder,
        env=environment(port, **more),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        wait_until(lambda: answers(port), "the service answers")
        yield process, port


def test_a_request_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    with slow_service(tmp_path) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        connection.request("GET", "/slow")
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"Code":2000,"Message":"ok"}')
        connection.close()
        assert process.wait(timeout=20) == -signal.SIGTERM or process.returncode == 0
        assert time.monotonic() - told < 10
        assert process.stdout
        assert b'"path": "/slow"' in process.stdout.read()


@pytest.mark.parametrize(("graceful", "is_answered"), [(1, False), (12, True)])
def test_it_waits_for_open_requests_as_long_as_it_is_told_to(
    tmp_path: Path, graceful: int, *, is_answered: bool
) -> None:
    """Also for longer than by default."""
    with slow_service(tmp_path, GRACEFUL_SECONDS=str(graceful)) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/slow?seconds=9.5")
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            status = connection.getresponse().status
        except http.client.RemoteDisconnected:
            status = 0
        assert (status == 200) == is_answered
        process.wait(timeout=20)
        assert is_answered or time.monotonic() - told < 8


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
def test_on_a_swarm_it_serves_on_for_a_while_and_then_ends_well(name: str) -> None:
    (port,) = free_ports(1)
    with running(
        ["bash", "-c", f"PATH={Path(sys.executable).parent}:$PATH; {replicated.DRAINED}"],
        cwd=ROOT / "services" / name,
        env=environment(port),
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_until(lambda: answers(port), "the service answers")
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        while process.poll() is None and time.monotonic() - told < replicated.DRAIN_SECONDS - 1:
            assert answers(port)
        assert process.wait(timeout=20) in (128 + signal.SIGTERM, 0)
        assert time.monotonic() - told > replicated.DRAIN_SECONDS
