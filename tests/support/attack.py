"""Open many slow connections: python -m tests.support.attack KIND HOST PORT COUNT.

Prints "ready" when nine of ten are connected, and runs until its standard input is closed.
"""

import asyncio
import contextlib
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support import base

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 30
# Each connection to a port at 127.0.0.1 takes six file descriptors of docker-proxy, which stops for
# good when it has none left: with a limit of 20,000 that is 3,333 connections.
SLOW_CLIENTS = 2000
HEAD = b"POST /api/v1/say_hello HTTP/1.1\r\nHost: slow\r\n"
# For each kind: what it sends first, and then every second.
KINDS = {
    "idle": (b"", b""),
    "slow-headers": (HEAD, b"X-Slow: 1\r\n"),
    "slow-body": (HEAD + b"Content-Length: 60000\r\n\r\n", b"x"),
    "slow-read": (b"GET /style.css HTTP/1.1\r\nHost: slow\r\n\r\n" * 20, b""),
}


class Attack:
    def __init__(self, kind: str, address: tuple[str, int]) -> None:
        self.opening, self.more = KINDS[kind]
        self.address = address
        self.open = 0

    async def client(self) -> None:
        """Keep a connection open: reconnect whenever it is closed."""
        while True:
            with contextlib.suppress(OSError):
                await self._connection()
            await asyncio.sleep(0.2)

    async def _connection(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as one:
            one.settimeout(0)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            await loop.sock_connect(one, self.address)
            self.open += 1
            try:
                await loop.sock_sendall(one, self.opening)
                while True:
                    await asyncio.sleep(1)
                    one.send(self.more)
                    _check_open(one)
            finally:
                self.open -= 1


def _check_open(one: socket.socket) -> None:
    """Check that the connection is open, without reading from it."""
    try:
        if not one.recv(1, socket.MSG_PEEK):
            raise ConnectionError
    except BlockingIOError:
        pass


async def main(kind: str, host: str, port: str, count: str) -> None:
    attack = Attack(kind, (host, int(port)))
    clients = [asyncio.create_task(attack.client()) for _ in range(int(count))]
    async with asyncio.timeout(READY_SECONDS):
        while attack.open < 0.9 * len(clients):  # noqa: ASYNC110  a count, no event
            await asyncio.sleep(0.05)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    for client in clients:
        client.cancel()


@contextlib.contextmanager
def under_attack(
    kind: str, host: str, port: int, count: int, *, network: str = ""
) -> Iterator[None]:
    """Keep `count` clients connected while the block runs, in a separate process.

    With `network` it runs in a container there, so that the clients have an address of their own.
    """
    clients = ["-m", "tests.support.attack", kind, host, str(port), str(count)]
    command = [*_in_a_container(network), *clients] if network else [sys.executable, *clients]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as attack:
        assert attack.stdin
        assert attack.stdout
        try:
            assert attack.stdout.readline() == "ready\n"
            yield
        finally:
            attack.stdin.close()
            try:
                attack.wait(READY_SECONDS)
            except subprocess.TimeoutExpired:
                attack.kill()


def _in_a_container(network: str) -> list[str]:
    return [
        *("docker", "run", "--rm", "--interactive", "--init", "--network", network),
        *("--ulimit", "nofile=20000:20000", "--volume", f"{ROOT}:/project:ro"),
        *("--workdir", "/project", base.python(), "python3", "-B"),
    ]


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 20000), most))
    asyncio.run(main(*sys.argv[1:]))
