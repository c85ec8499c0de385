"""A process that an engine started ends with it, and not before."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import lifeline
from tests.support.processes import running

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "from infra import lifeline; lifeline.hold(); import time; time.sleep(600)"


@pytest.fixture
def engine() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


def test_it_ends_when_the_engine_is_gone_and_not_with_a_connection(engine: socket.socket) -> None:
    where = f"127.0.0.1:{engine.getsockname()[1]}"
    command = [sys.executable, "-c", PROGRAM, "--engine", where, "--monitor", "127.0.0.1:1"]
    with running(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as program:
        engine.accept()[0].close()  # as the engine does to a connection that says nothing
        again, _ = engine.accept()
        assert program.poll() is None
        with again:
            engine.close()
        _, said = program.communicate(timeout=30)
    assert program.returncode == 1
    assert said == f"the Pulumi engine at {where} is gone; this ends\n"


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        (["python", "-c", "0"], None),
        (["python", "-u", "exec", "--engine", "127.0.0.1:1", "--monitor", "127.0.0.1:2"], 1),
        (["python", "-u", "policy", "127.0.0.1:3", "policy"], 3),
    ],
)
def test_the_engine_is_the_first_address_that_a_process_is_given(
    arguments: list[str], address: int | None
) -> None:
    assert lifeline.address(arguments) == (address and ("127.0.0.1", address))
