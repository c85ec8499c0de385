"""The health check of production, as bash runs it."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import health
from tests.support.processes import free_ports

KILLS, COUNT = "kill -9 -1", "/dev/shm/unanswered"


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def hung(port: int) -> Iterator[None]:
    """A service that takes connections and does not answer."""
    with socket.create_server(("127.0.0.1", port)):
        yield


def checks(port: int, folder: Path) -> list[bool]:
    """Run more checks than are needed to kill. Return for each whether it would have killed."""
    (*shell, text) = health.command(health.Probe(port, "/healthz"), is_watched=True)
    assert shell == ["CMD", "bash", "-c"]
    assert text.count(KILLS) == 1
    harmless = text.replace(KILLS, "echo killed").replace(COUNT, str(folder / "unanswered"))
    quick = harmless.replace(f"read -rt {health.ANSWER_SECONDS} ", "read -rt 0.05 ")
    assert quick != harmless
    done = [
        subprocess.run(
            ["bash", "-c", quick], capture_output=True, text=True, timeout=60, check=False
        )
        for _ in range(health.UNANSWERED + 2)
    ]
    assert all(one.returncode != 0 for one in done)
    return ["killed" in one.stdout for one in done]


@pytest.mark.usefixtures("hung")
def test_a_service_that_hangs_is_killed(port: int, tmp_path: Path) -> None:
    assert checks(port, tmp_path) == [False] * (health.UNANSWERED - 1) + [True] * 3


def test_a_service_that_takes_no_connection_is_not(port: int, tmp_path: Path) -> None:
    """It takes long to start, or to end its open requests."""
    assert not any(checks(port, tmp_path))
