"""The logs of all containers of a stack, each line with its container's name before it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import cycle

import docker
from docker.models.containers import Container

from tools.operate.deployed import Stack
from tools.operate.terminal import NAMES, paint
from tools.setup.errors import Problem

LINES = 20


class Follower:
    """Prints the lines of every container, from a thread each; a name keeps its colour."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._colours = cycle(NAMES)
        self._of: dict[str, str] = {}
        self._lock = threading.Lock()

    def follow(self, container: Container) -> None:
        self._start(container, container.logs(stream=True, follow=True, tail=LINES))

    def follow_from_its_start(self, engine: docker.DockerClient, identity: str) -> None:
        with suppress(docker.errors.NotFound):  # it is gone already
            container = engine.containers.get(identity)
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


def follow(stack: Stack) -> None:
    """Follow the logs until it is interrupted; containers that start later too."""
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
