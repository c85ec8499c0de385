"""What all containers of a stack say, as they say it, each line after its container's name."""

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import cycle

import docker
from docker.models.containers import Container

from tools.operate.deployed import Stack
from tools.operate.terminal import NAMES, paint
from tools.setup.errors import Problem

LINES = 20


class Follower:
    """A container is followed from its first start on, through restarts and replacements."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._colours = cycle(NAMES)
        self._of: dict[str, str] = {}
        self._lock = threading.Lock()

    def follow(self, container: Container) -> None:
        self._start(container, container.logs(stream=True, follow=True, tail=LINES))

    def follow_from_its_start(self, engine: docker.DockerClient, identity: str) -> None:
        with suppress(docker.errors.NotFound):  # gone again already
            container = engine.containers.get(identity)
            since = moment(container.attrs["State"]["StartedAt"])
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
    """A chunk is what the engine sends at once: part of a line, or several."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def moment(text: str) -> float:
    """The engine's time, of nanoseconds, as seconds since 1970."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    whole = datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp()
    return whole + float(f"0.{fraction or 0}")


def follow(stack: Stack) -> None:
    """Until it is interrupted. What is started later is followed too."""
    containers = stack.containers()
    if not containers:
        raise Problem(f"stack {stack.name} has no containers", remedy="`make up` deploys it")
    follower = Follower(max(len(str(container.name)) for container in containers))
    filters = {"type": ["container"], "event": ["start"], **stack.filters}
    starts = stack.engine.events(decode=True, filters=filters)
    for container in containers:
        follower.follow(container)
    for event in starts:
        follower.follow_from_its_start(stack.engine, event["id"])
