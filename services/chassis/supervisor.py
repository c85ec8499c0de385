"""Reload a service in development: start the edited version, then stop the previous one.

The supervisor owns the listening socket and passes it to each version, so no request is refused
during a reload. If a version fails to start, the previous one keeps running.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from chassis.address import address

WATCHED = (Path(), Path(__file__).parent)  # the service's folder and the chassis
POLL_SECONDS = 0.1
BACKLOG = 2048


class Version:
    """A process that runs the current code of the service."""

    def __init__(self, listener: socket.socket) -> None:
        self._ready, ready = os.pipe()
        os.set_blocking(self._ready, False)
        inherited = (listener.fileno(), ready)
        command = [sys.executable, "-m", "chassis", "--inherited", *map(str, inherited)]
        self._process = subprocess.Popen(command, pass_fds=inherited)  # noqa: S603  a fixed command
        os.close(ready)

    def is_ready(self) -> bool:
        try:
            return os.read(self._ready, 1) != b""
        except BlockingIOError:
            return False

    def has_exited(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        self._process.terminate()

    def wait(self) -> int:
        os.close(self._ready)
        return self._process.wait()


class Supervisor:
    """Keeps one version serving, while at most one starts and earlier ones finish."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._seen = sources()
        self._serving = Version(listener)
        self._candidate: Version | None = None
        self._ending: list[Version] = []
        self._told_to_stop = False
        signal.signal(signal.SIGTERM, self._stop)

    def run(self) -> int:
        """Run until SIGTERM, or until the serving version exits by itself.

        Return 0, or that version's exit code.
        """
        while not self._told_to_stop and not self._serving.has_exited():
            time.sleep(POLL_SECONDS)
            self._check()
        self._end(self._candidate)
        self._end(self._serving)
        codes = [version.wait() for version in self._ending]
        return 0 if self._told_to_stop else codes[-1]

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_stop = True

    def _check(self) -> None:
        if (now := sources()) != self._seen:
            self._seen = now
            self._end(self._candidate)
            self._candidate = Version(self._listener)
        if self._candidate and self._candidate.is_ready():
            self._end(self._serving)
            self._serving, self._candidate = self._candidate, None
            say("the edited service is running")
        elif self._candidate and self._candidate.has_exited():
            self._end(self._candidate)
            self._candidate = None
            say("the edited service fails to start; the last good version keeps running")
        self._reap()

    def _end(self, version: Version | None) -> None:
        if version:
            version.end()
            self._ending.append(version)

    def _reap(self) -> None:
        exited = [version for version in self._ending if version.has_exited()]
        for version in exited:
            version.wait()
            self._ending.remove(version)


def sources() -> dict[str, tuple[int, int]]:
    """Return the modification time and size of each watched source file."""
    found = {}
    for path in (path for folder in WATCHED for path in folder.rglob("*.py")):
        try:
            status = path.stat()
        except FileNotFoundError:  # an editor is replacing it
            continue
        found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


def say(what: str) -> None:
    sys.stderr.write(f"live: {what}\n")
    sys.stderr.flush()


def run() -> int:
    return Supervisor(socket.create_server(address(), backlog=BACKLOG)).run()
