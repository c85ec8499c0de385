"""Clients that check every answer: a 200 from the wrong service counts as lost.

`load` sends at a constant rate, whether or not answers arrive. Each of `idle_clients` keeps a
connection open and pauses before using it again. Both run in threads, and measure how late their
own thread is scheduled, so that a slow client is not mistaken for a slow server.
"""

import asyncio
import itertools
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LIMIT_SECONDS = 10.0
# docker-proxy, for ports at 127.0.0.1, stops for good when it has no file descriptors left.
MOST_AT_ONCE = 1000
# The gateway closes a connection without a request after this time, so a client that was not
# scheduled for this long has caused the loss itself.
HEADER_SECONDS = 4.0
TICK_SECONDS = 0.01
LATE_SECONDS = 0.05  # a delay below this is normal
PAUSES = (0.1, 2.0, 5.0, 20.0)


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    bodies: tuple[bytes, ...]  # the correct answers
    method: str = "GET"
    keep_alive: bool = True

    def text(self, host: str) -> bytes:
        close = "" if self.keep_alive else "Connection: close\r\n"
        length = "" if self.method == "GET" else "Content-Length: 0\r\n"
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\n{length}{close}\r\n"
        return head.encode()


class Lateness:
    """Measures how long an event loop was not scheduled although it had work."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._sum = 0.0
        self._due = time.monotonic()

    async def watch(self) -> None:
        while True:
            self._due = time.monotonic() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            late = self._late_now()
            self._longest = max(self._longest, late)
            self._sum += late

    def so_far(self) -> float:
        """Return the sum of all delays, including the current one."""
        return self._sum + self._late_now()

    def longest(self) -> float:
        return max(self._longest, self._late_now())

    def _late_now(self) -> float:
        late = time.monotonic() - self._due
        return late if late > LATE_SECONDS else 0.0


@dataclass
class Report:
    """What the clients measured, without the delays of the clients themselves."""

    sent: int = 0
    losses: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)  # losses caused by the client's own delay
    reopened: int = 0  # keep-alive connections that the server closed while they were idle
    slowest: float = 0.0
    longest_gap: float = 0.0  # seconds without a correct answer, until the end
    lateness: float = 0.0  # the longest time that the client was not scheduled
    times: list[float] = field(default_factory=list)
    lost_at: list[float] = field(default_factory=list)  # seconds since the beginning

    @property
    def lost(self) -> int:
        return len(self.losses)

    @property
    def p99(self) -> float:
        """The 99th percentile of the time of correct answers."""
        return sorted(self.times)[int(len(self.times) * 0.99)]

    @classmethod
    def total(cls, reports: Iterable["Report"]) -> "Report":
        whole = cls()
        for one in reports:
            whole.sent += one.sent
            whole.losses += one.losses
            whole.own += one.own
            whole.reopened += one.reopened
            whole.times += one.times
            whole.lost_at += one.lost_at
            whole.slowest = max(whole.slowest, one.slowest)
            whole.longest_gap = max(whole.longest_gap, one.longest_gap)
            whole.lateness = max(whole.lateness, one.lateness)
        return whole

    def summary(self) -> str:
        reasons = ", ".join(f"{n} x {why}" for why, n in Counter(self.losses).most_common(5))
        when = f" at {min(self.lost_at):.1f} to {max(self.lost_at):.1f} s" if self.lost_at else ""
        own = f", {len(self.own)} by the client's own lateness" if self.own else ""
        return (
            f"{self.lost} of {self.sent} lost{when}{own}, slowest {self.slowest:.2f} s, "
            f"longest gap {self.longest_gap:.2f} s, client late by {self.lateness:.2f} s at most"
            f"{': ' + reasons if reasons else ''}"
        )


class _Recorder:
    """Fills in a report, and subtracts the event loop's delay from every time."""

    def __init__(self, report: Report, late: Lateness) -> None:
        self.report, self.late = report, late
        self.began = time.monotonic()
        self._last_good = self.now()

    def now(self) -> float:
        """Return a time in seconds that excludes the event loop's delays."""
        return time.monotonic() - self.began - self.late.so_far()

    async def ask(self, clients: "_Clients", request: Request) -> None:
        self.report.sent += 1
        began, late = self.now(), self.late.so_far()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                status, body = await clients.ask(request)
        except TimeoutError:
            own = self.now() - began < LIMIT_SECONDS - 1
            self._loss(request, f"no answer in {LIMIT_SECONDS:.0f} s", own=own)
        except (OSError, ValueError, EOFError) as error:
            own = self.late.so_far() - late > HEADER_SECONDS
            self._loss(request, f"{type(error).__name__}: {error}", own=own)
        else:
            if status == 200 and body in request.bodies:
                self._good(began)
            else:
                self._loss(request, f"{status} {body[:60]!r}", own=False)

    def _good(self, began: float) -> None:
        now = self.now()
        self.report.times.append(now - began)
        self.report.slowest = max(self.report.slowest, now - began)
        self._look_at_gap(now)
        self._last_good = now

    def _loss(self, request: Request, why: str, *, own: bool) -> None:
        what = f"{request.method} {request.path}: {why}"
        if own:
            self.report.own.append(what)
        else:
            self.report.losses.append(what)
            self.report.lost_at.append(time.monotonic() - self.began)

    def _look_at_gap(self, now: float) -> None:
        self.report.longest_gap = max(self.report.longest_gap, now - self._last_good)

    def end(self) -> None:
        self._look_at_gap(self.now())
        self.report.lateness = self.late.longest()


class _Connection:
    def __init__(self, one: socket.socket) -> None:
        self._socket = one
        self._received = b""

    @classmethod
    async def open(cls, address: tuple[str, int]) -> "_Connection":
        one = socket.socket()
        one.settimeout(0)
        try:
            await asyncio.get_running_loop().sock_connect(one, address)
        except BaseException:
            one.close()
            raise
        return cls(one)

    def is_closed(self) -> bool:
        """Whether the server has closed the connection."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    async def exchange(self, text: bytes) -> tuple[int, str, bytes]:
        """Return the status, the head in lower case and the body of the answer."""
        await self._send(text)
        while b"\r\n\r\n" not in self._received:
            await self._receive("before an answer")
        raw, _, self._received = self._received.partition(b"\r\n\r\n")
        head = raw.decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        while len(self._received) < length:
            await self._receive("in the middle of an answer")
        body, self._received = self._received[:length], self._received[length:]
        return int(head.split(" ", 2)[1]), head, body

    async def _receive(self, when: str) -> None:
        data = await self._read()
        if not data:
            raise EOFError(f"closed {when}")
        self._received += data

    async def _send(self, text: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, text)

    async def _read(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._socket, 65536)

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True)
class Tls:
    """How a client reaches an https URL: by this address, and with these roots."""

    address: str
    context: ssl.SSLContext


class _SecureConnection(_Connection):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._received = b""

    @classmethod
    async def open_by(cls, tls: Tls, host: str, port: int) -> "_SecureConnection":
        streams = asyncio.open_connection(
            tls.address, port, ssl=tls.context, server_hostname=host, ssl_shutdown_timeout=1
        )
        return cls(*await streams)

    def is_closed(self) -> bool:
        return self._reader.at_eof()

    async def _send(self, text: bytes) -> None:
        self._writer.write(text)
        await self._writer.drain()

    async def _read(self) -> bytes:
        return await self._reader.read(65536)

    def close(self) -> None:
        self._writer.transport.abort()


class _Clients:
    """A pool of connections to one host, for requests with keep-alive."""

    def __init__(self, url: str, report: Report, tls: Tls | None = None) -> None:
        parts = urlsplit(url)
        self.address = str(parts.hostname), parts.port or (443 if tls else 80)
        self.tls = tls
        self.host = parts.netloc
        self.report = report
        self.idle: deque[_Connection] = deque()

    async def ask(self, request: Request) -> tuple[int, bytes]:
        connection = self._kept() if request.keep_alive else None
        connection = connection or await self._opened()
        keep = False
        try:
            status, head, body = await connection.exchange(request.text(self.host))
            keep = request.keep_alive and "connection: close" not in head
            return status, body
        finally:
            if keep:
                self.idle.append(connection)
            else:
                connection.close()

    async def _opened(self) -> _Connection:
        if self.tls:
            return await _SecureConnection.open_by(self.tls, *self.address)
        return await _Connection.open(self.address)

    def _kept(self) -> _Connection | None:
        """Return an idle connection that is still open: clients check before they reuse one."""
        while self.idle:
            connection = self.idle.popleft()
            if not connection.is_closed():
                return connection
            self.report.reopened += 1
            connection.close()
        return None

    def close(self) -> None:
        for connection in self.idle:
            connection.close()


async def _at_a_rate(
    clients: "_Clients",
    requests: Sequence[Request],
    rate: float,
    recorder: _Recorder,
    stop: asyncio.Event,
) -> None:
    running: set[asyncio.Task[None]] = set()
    turns = itertools.cycle(requests)
    began, begun = time.monotonic(), 0
    while not stop.is_set():
        due = int((time.monotonic() - began) * rate) - begun
        for _ in range(min(due, MOST_AT_ONCE - len(running))):
            task = asyncio.create_task(recorder.ask(clients, next(turns)))
            begun += 1
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(0.002)
    await asyncio.gather(*running)
    clients.close()


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


Run = Callable[[_Recorder, asyncio.Event], Awaitable[None]]


@contextmanager
def _in_a_thread(run: Run) -> Iterator[Report]:
    report, late, stop = Report(), Lateness(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def whole() -> None:
        watching = asyncio.create_task(late.watch())
        recorder = _Recorder(report, late)
        await run(recorder, stop)
        recorder.end()
        watching.cancel()
        await asyncio.wait([watching])

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(lambda: loop.run_until_complete(whole()))
        try:
            yield report
        finally:
            loop.call_soon_threadsafe(stop.set)
            done.result(3 * LIMIT_SECONDS)
            loop.close()


@contextmanager
def load(
    url: str, requests: Sequence[Request], *, rate: float, tls: Tls | None = None
) -> Iterator[Report]:
    """Send `rate` requests a second in turn while the block runs. Then the report is complete."""

    async def run(recorder: _Recorder, stop: asyncio.Event) -> None:
        clients = _Clients(url, recorder.report, tls)
        await _at_a_rate(clients, requests, rate, recorder, stop)

    with _in_a_thread(run) as report:
        yield report


@contextmanager
def idle_clients(
    url: str, requests: Sequence[Request], *, pause: float, count: int
) -> Iterator[Report]:
    """Run `count` clients, each with a connection that is idle between two requests.

    Their uses are spread over the pause. A connection whose end has arrived before it is used
    again is opened anew, as every client does; one that is closed afterwards is a loss.
    """

    async def client(number: int, recorder: _Recorder, stop: asyncio.Event) -> None:
        request = requests[number % len(requests)]
        clients = _Clients(url, recorder.report)
        await recorder.ask(clients, request)
        wait = pause * (number + 1) / count
        while not await _is_set_within(stop, wait):
            await recorder.ask(clients, request)
            wait = pause
        clients.close()

    async def run(recorder: _Recorder, stop: asyncio.Event) -> None:
        await asyncio.gather(*(client(number, recorder, stop) for number in range(count)))

    with _in_a_thread(run) as report:
        yield report


@contextmanager
def clients_of_all_pauses(
    url: str, requests: Sequence[Request], *, count: int = 10
) -> Iterator[dict[float, Report]]:
    """Run idle clients with each of PAUSES, `count` of each."""
    with ExitStack() as stack:
        yield {
            pause: stack.enter_context(idle_clients(url, requests, pause=pause, count=count))
            for pause in PAUSES
        }
