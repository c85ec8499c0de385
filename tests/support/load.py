"""Open-loop load that compares each answer's body: a 200 from the wrong service is a loss."""

import asyncio
import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LIMIT_SECONDS = 10.0
# Docker's proxy of a port at 127.0.0.1 ends for good once it has no file descriptors left.
MOST_AT_ONCE = 1500


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    bodies: tuple[bytes, ...]  # the answers that are right
    method: str = "GET"
    keep_alive: bool = True

    def text(self, host: str) -> bytes:
        close = "" if self.keep_alive else "Connection: close\r\n"
        length = "" if self.method == "GET" else "Content-Length: 0\r\n"
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\n{length}{close}\r\n"
        return head.encode()


@dataclass
class Report:
    """What the clients saw: every loss with its reason, and the longest time without success."""

    sent: int = 0
    losses: list[str] = field(default_factory=list)
    slowest: float = 0.0
    longest_gap: float = 0.0
    times: list[float] = field(default_factory=list)
    _last_good: float = field(default_factory=time.monotonic)

    @property
    def lost(self) -> int:
        return len(self.losses)

    @property
    def p99(self) -> float:
        """What 99 of 100 good answers took at most."""
        return sorted(self.times)[int(len(self.times) * 0.99)]

    def good(self, began: float) -> None:
        now = time.monotonic()
        self.slowest = max(self.slowest, now - began)
        self.times.append(now - began)
        self.longest_gap = max(self.longest_gap, now - self._last_good)
        self._last_good = now

    @classmethod
    def total(cls, reports: Iterable["Report"]) -> "Report":
        whole = cls()
        for one in reports:
            whole.sent += one.sent
            whole.losses += one.losses
            whole.slowest = max(whole.slowest, one.slowest)
            whole.longest_gap = max(whole.longest_gap, one.longest_gap)
        return whole

    def summary(self) -> str:
        reasons = ", ".join(f"{n} x {why}" for why, n in Counter(self.losses).most_common(5))
        return (
            f"{self.lost} of {self.sent} lost, slowest {self.slowest:.2f} s, "
            f"longest gap {self.longest_gap:.2f} s{': ' + reasons if reasons else ''}"
        )


class _Clients:
    """Connections to one host, kept for the requests that keep them, used in turn.

    Any server may close one that is idle for long, at the moment in which it is used again; the
    gateway's keepalive_min_timeout is how long it promises not to.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), parts.port or 80
        self.netloc = parts.netloc
        self.idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def ask(self, request: Request) -> tuple[int, bytes]:
        reader, writer = await self._connection(request)
        keep = False
        try:
            writer.write(request.text(self.netloc))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            status = int(head.split(" ", 2)[1])
            length = int(head.partition("content-length:")[2].split("\r\n")[0])
            body = await reader.readexactly(length)
            keep = request.keep_alive and "connection: close" not in head
            return status, body
        finally:
            if keep:
                self.idle.append((reader, writer))
            else:
                writer.close()

    async def _connection(
        self, request: Request
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while request.keep_alive and self.idle:
            reader, writer = self.idle.popleft()
            if not reader.at_eof():
                return reader, writer
            writer.close()  # the server has said that it would not wait for more
        return await asyncio.open_connection(self.host, self.port)

    def close(self) -> None:
        for _, writer in self.idle:
            writer.close()


async def _one(clients: _Clients, request: Request, report: Report) -> None:
    report.sent += 1
    began = time.monotonic()
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            status, body = await clients.ask(request)
    except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
        report.losses.append(f"{request.method} {request.path}: {type(error).__name__}")
        return
    if status == 200 and body in request.bodies:
        report.good(began)
    else:
        report.losses.append(f"{request.method} {request.path}: {status} {body[:60]!r}")


async def _run(
    url: str, requests: list[Request], rate: float, stop: threading.Event, report: Report
) -> None:
    clients = _Clients(url)
    running: set[asyncio.Task[None]] = set()
    began = time.monotonic()
    report.good(began)
    while not stop.is_set():
        due = int((time.monotonic() - began) * rate) - report.sent
        for _ in range(min(due, MOST_AT_ONCE - len(running))):
            request = requests[(report.sent + len(running)) % len(requests)]
            task = asyncio.create_task(_one(clients, request, report))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(0.002)
    await asyncio.gather(*running)
    clients.close()


@contextlib.contextmanager
def load(url: str, requests: list[Request], *, rate: float) -> Iterator[Report]:
    """Sends `rate` requests a second, in turn, while the block runs; then the report is whole."""
    report, stop = Report(), threading.Event()
    thread = threading.Thread(
        target=lambda: asyncio.run(_run(url, requests, rate, stop, report)), daemon=True
    )
    thread.start()
    try:
        yield report
    finally:
        stop.set()
        thread.join(LIMIT_SECONDS + 5)
