"""What clients see of an update: a few requests a second to each route of the gateway."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PAUSE_SECONDS = 0.25  # between two requests to a route
MOST_PER_SECOND = 40  # to all routes together
LIMIT_SECONDS = 10.0  # for one answer
END_SECONDS = LIMIT_SECONDS + 5
SHOWN = 5  # losses
CLOSED_FOR = "60"  # the Retry-After of a service under maintenance (nginx/errors.conf)
LOST_FROM = 500  # a service that refuses a request has answered it


@dataclass(frozen=True)
class Route:
    """What is asked, and by which address: the host's name may lead to the world outside."""

    url: str
    address: str

    def ask(self) -> str:
        """Return "" for an answer, or what came instead of one."""
        try:
            answer = self._answer()
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        is_closed = answer.status == 503 and answer.headers["Retry-After"] == CLOSED_FOR  # noqa: PLR2004
        return "" if answer.status < LOST_FROM or is_closed else f"{answer.status} {answer.reason}"

    def _answer(self) -> http.client.HTTPResponse:
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        to = (self.address, parts.port or (443 if secure else 80))
        with socket.create_connection(to, LIMIT_SECONDS) as plain:
            name = parts.hostname
            with _encryption().wrap_socket(plain, server_hostname=name) if secure else plain as one:
                connection = http.client.HTTPConnection(self.address, timeout=LIMIT_SECONDS)
                connection.sock = one
                headers = {"Host": parts.netloc, "Connection": "close", "User-Agent": "make up"}
                connection.request("GET", parts.path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                return answer


def routes(outputs: Mapping[str, Any], bind_address: str) -> list[Route]:
    """Return the page, and what each service says of its health, from the stack's outputs."""
    urls = [one["url"] for one in (outputs.get("services") or {}).values() if one["url"]]
    found = [f"{outputs['url']}/", *(f"{url}healthz" for url in urls)] if outputs else []
    return [Route(url, _address(str(urlsplit(url).hostname), bind_address)) for url in found]


def _address(host: str, bind_address: str) -> str:
    """Return the address of the gateway: the host if it is one, or where it is published here."""
    address = host if host.replace(".", "").isdigit() else bind_address
    return address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  it is asked, not bound


@dataclass
class Seen:
    asked: int = 0
    losses: list[str] = field(default_factory=list)
    slowest: float = 0.0
    longest_gap: float = 0.0  # seconds between two answers of one route

    @property
    def lost(self) -> int:
        return len(self.losses)

    def __str__(self) -> str:
        return (
            f"Clients: asked {self.asked}, lost {self.lost}, slowest {self.slowest:.2f} s, "
            f"longest gap {self.longest_gap:.1f} s."
        )

    def evidence(self) -> str:
        more = self.lost - SHOWN
        return "\n".join([*self.losses[:SHOWN], *([f"and {more} more"] if more > 0 else [])])


class Clients:
    """Ask routes until the end. One that does not answer at the beginning is left out."""

    def __init__(self, find: Callable[[], Sequence[Route]]) -> None:
        self.seen = Seen()
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._each: list[threading.Thread] = []
        self._first = threading.Thread(target=self._begin, args=[find], daemon=True)
        self._first.start()

    def end(self) -> Seen:
        """Return what they have seen. A request that takes longer than its limit is not in it."""
        self._end.set()
        deadline = time.monotonic() + END_SECONDS
        for thread in (self._first, *self._each):
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            return self.seen

    def _begin(self, find: Callable[[], Sequence[Route]]) -> None:
        found = find()
        pause = max(PAUSE_SECONDS, len(found) / MOST_PER_SECOND)
        self._each = [
            threading.Thread(target=self._ask, args=[route, pause], daemon=True) for route in found
        ]
        for thread in self._each:
            thread.start()

    def _ask(self, route: Route, pause: float) -> None:
        if route.ask():
            return
        answered = time.monotonic()
        while not self._end.wait(pause):
            began, at = time.monotonic(), time.strftime("%H:%M:%S")
            lost = route.ask()
            now = time.monotonic()
            self._note(f"{at} GET {route.url}: {lost}" if lost else "", now - began, now - answered)
            answered = answered if lost else now

    def _note(self, loss: str, seconds: float, gap: float) -> None:
        with self._lock:
            seen = self.seen
            seen.asked += 1
            seen.longest_gap = max(seen.longest_gap, gap)
            if loss:
                seen.losses.append(loss)
            else:
                seen.slowest = max(seen.slowest, seconds)


def _encryption() -> ssl.SSLContext:
    """Return one that trusts every certificate: whether it is good is not the question here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
