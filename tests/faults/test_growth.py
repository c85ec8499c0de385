"""Memory, tmpfs and logs do not grow over a million requests."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from docker.models.containers import Container

from tests.support.deployment import Deployment
from tests.support.updates import wait_relieved

REQUESTS = int(os.environ.get("REQUESTS", "1000000"))
WARM_UP = 100_000  # until pools and buffers have grown to their size
A_BATCH, BATCHES, CLIENTS = 100, 5, 4
LOG_MEGABYTES, LOG_FILES = 10, 3


def send(url: str, requests: int) -> None:
    """In batches on few connections: as fast as the services can."""
    rounds = requests // (A_BATCH * BATCHES)
    with ThreadPoolExecutor(CLIENTS) as pool:
        paths = ["/api/v1/say_hello", "/api/v2/who_am_i", "/"]
        done = pool.map(lambda n: _connection(url, paths[n % len(paths)]), range(rounds))
        assert sum(done) == rounds * A_BATCH * BATCHES


def _connection(url: str, path: str) -> int:
    parts = urlsplit(url)
    one = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    good = 0
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        for _ in range(BATCHES):
            connection.sendall(one * A_BATCH)
            good += _answers(connection)
    return good


def _answers(connection: socket.socket) -> int:
    received = b""
    while (good := received.count(b"HTTP/1.1 200 OK\r\n")) < A_BATCH:
        data = connection.recv(65536)
        assert data, "closed"
        received += data
    return good


def resident(container: Container) -> int:
    """KiB of the processes that the container has all the time: health checks come and go."""
    return min(_resident_now(container) for _ in range(5))


def _resident_now(container: Container) -> int:
    total = 0
    for row in container.top()["Processes"]:
        with suppress(FileNotFoundError, ProcessLookupError):
            text = Path(f"/proc/{row[1]}/status").read_text()
            total += int(text.partition("VmRSS:")[2].split()[0]) if "VmRSS:" in text else 0
    return total


def temporary(container: Container) -> int:
    """KiB in the container's tmpfs."""
    _, said = container.exec_run(["du", "-sk", "/tmp"])
    return int(bytes(said).split()[0])  # type: ignore[arg-type]  # not streamed


def log_sizes(deployment: Deployment, container: Container) -> list[int]:
    """Bytes of each log file, read through the engine: only root may look into its folder."""
    folder = str(Path(container.attrs["LogPath"]).parent)
    listed = deployment.engine.containers.run(
        container.attrs["Image"],
        ["-c", "stat -c '%n %s' /logs/*-json.log*"],
        entrypoint="bash",
        user="0",
        network_mode="none",
        remove=True,
        volumes={folder: {"bind": "/logs", "mode": "ro"}},
    )
    return [int(line.split()[-1]) for line in listed.decode().splitlines()]


def test_many_requests_leave_nothing_behind(production: Deployment) -> None:
    wait_relieved(production)
    running = [c for c in production.containers() if c.status == "running"]
    send(production.url, WARM_UP)
    before = {c.name: resident(c) for c in running}
    send(production.url, REQUESTS)
    after = {c.name: resident(c) for c in running}
    for container in running:
        name = container.name
        assert after[name] < 1.1 * before[name], f"{name}: {before[name]} to {after[name]} KiB"
        assert temporary(container) < 1024, name
        sizes = log_sizes(production, container)
        assert len(sizes) <= LOG_FILES, name
        assert max(sizes) < 1.1 * LOG_MEGABYTES * 1_000_000, name
    assert len(log_sizes(production, production.container("nginx"))) == LOG_FILES
