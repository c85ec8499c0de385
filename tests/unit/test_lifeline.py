"""A process that an engine started ends with it, and not before."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra import lifeline
from tests.support.processes import running

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import time
from infra import lifeline

lifeline.END_SECONDS = {end_seconds}
lifeline.hold()
time.sleep(600)
"""


def listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def where(listening: socket.socket) -> str:
    return f"127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def program(
    engine: socket.socket, monitor: socket.socket, end_seconds: float
) -> Iterator[subprocess.Popen[str]]:
    source = PROGRAM.format(end_seconds=end_seconds)
    given = ["--engine", where(engine), "--monitor", where(monitor)]
    with running(
        [sys.executable, "-c", source, *given], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        engine.settimeout(30)
        engine.accept()[0].close()
        assert process.poll() is None
        yield process


def test_it_ends_when_the_engine_is_gone() -> None:
    with listen() as engine, listen() as monitor, program(engine, monitor, 600) as process:
        gone = f"the Pulumi engine at {where(engine)} is gone; this ends\n"
        engine.close()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.startswith(gone)


def test_it_ends_when_the_engine_is_done_with_it_and_says_where_it_was() -> None:
    with listen() as engine, listen() as monitor, program(engine, monitor, 1) as process:
        monitor.close()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.startswith("the Pulumi engine is done, and this program is not")
    assert 'File "<string>", line 7 in <module>' in said


@pytest.mark.parametrize(
    ("arguments", "ports"),
    [
        (["python", "-c", "0"], (None, None)),
        (["python", "-u", "exec", "--engine", "127.0.0.1:1", "--monitor", "127.0.0.1:2"], (1, 2)),
        (["python", "-u", "policy", "127.0.0.1:3", "policy"], (3, None)),
    ],
)
def test_the_addresses_that_a_process_is_given(
    arguments: list[str], ports: tuple[int | None, int | None]
) -> None:
    found = tuple(address and address[1] for address in lifeline.addresses(arguments))
    assert found == ports
