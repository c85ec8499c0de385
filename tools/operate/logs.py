"""The logs of all containers of a stack, each line with its container's name before it."""

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import cycle

import docker
from docker.models.containers import Container

from tools.operate.deployed import Stack, is_of
from tools.operate.terminal import NAMES, paint
from tools.setup.errors import Problem

LINES = 20
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Follower:
    """Prints the lines of every container, from a thread each; a name keeps its colour."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._colours = cycle(NAMES)
        self._of: dict[str, str] = {}
        self._lock = threading.Lock()

    def follow(self, container: Container, since: datetime | None) -> None:
        past = {"since": since.timestamp()} if since else {"tail": LINES}
        self._start(container, container.logs(stream=True, follow=True, **past))

    def follow_from_its_start(
        self, engine: docker.DockerClient, identity: str, service: str
    ) -> None:
        with suppress(docker.errors.NotFound):  # it is gone already
            container = engine.containers.get(identity)
            if service and not is_of(container, service):
                return
            since = datetime.fromisoformat(container.attrs["State"]["StartedAt"]).timestamp()
            self._start(container, container.logs(stream=True, follow=True, since=since))

    def _start(self, container: Container, chunks: Iterator[bytes]) -> None:
        threading.Thread(target=self._copy, args=(container, chunks), daemon=True).start()

    def _copy(self, container: Container, chunks: Iterator[bytes]) -> None:
        for line in lines(chunks):
            self._write(str(container.name), line)

    def _write(self, name: str, line: str) -> None:
        with self._lock:
            colour = self._of.setdefault(name, next(self._colours))
            sys.stdout.write(f"{paint(f'{name:<{self._width}} |', colour, sys.stdout)} {line}\n")
            sys.stdout.flush()


def lines(chunks: Iterator[bytes]) -> Iterator[str]:
    """Yield whole lines: a chunk may hold several, or a part of one."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def moment(since: str, now: datetime) -> datetime:
    """Return the moment that SINCE names: a time ago, such as 90s, 10m, 2h or 1d, or a date."""
    ago = re.fullmatch(r"([0-9]{1,6})([smhd])", since)
    try:
        if ago:
            return now - timedelta(seconds=int(ago[1]) * SECONDS[ago[2]])
        return datetime.fromisoformat(since).astimezone()
    except (ValueError, OverflowError):
        what = f"SINCE={since!r} is no time"
        raise Problem(what, remedy="say 90s, 10m, 2h, 1d, or 2026-01-31T12:00:00") from None


def follow(stack: Stack, service: str = "", since: str = "") -> None:
    """Follow the logs until it is interrupted; containers that start later too."""
    began = moment(since, datetime.now(UTC)) if since else None
    containers = stack.of(service) if service else stack.containers()
    if not containers:
        raise Problem(f"stack {stack.name} has no containers", remedy="`make up` deploys it")
    follower = Follower(max(len(str(container.name)) for container in containers))
    filters = {"type": ["container"], "event": ["start"], **stack.filters}
    starts = stack.engine.events(decode=True, filters=filters)
    for container in containers:
        follower.follow(container, began)
    for event in starts:
        follower.follow_from_its_start(stack.engine, event["id"], service)
