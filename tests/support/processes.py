"""Processes and ports on this machine."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:  # noqa: ANN401  as Popen's own
    """Run a process during the block, then end it and all that it has started."""
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def run(command: list[str], *, seconds: float, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401  as Popen's own
    """Run a command. After the time-out kill its process group, and fail the test."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with running(command, text=True, **pipes, **options) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as late:
            said = b"".join(filter(None, (late.stdout, late.stderr))).decode(errors="replace")
            raise AssertionError(f"not ended in {seconds} s: {' '.join(command)}\n{said}") from None
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def free_ports(count: int) -> list[int]:
    """Return unused ports below the kernel's ephemeral range."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20000, 30000)
        with socket.socket() as probe:
            if port not in ports and probe.connect_ex(("127.0.0.1", port)) != 0:
                ports.append(port)
    return ports
