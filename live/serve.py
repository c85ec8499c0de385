"""Serves the application of the working folder, and an edited one from when that can serve.

The socket is this process's own and outlives each application, so no request is refused while one
takes over from another; what does not come up is not served, and the last good one goes on.
"""

import asyncio
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

APP = Path("app.py")
POLL_SECONDS = 0.1
BACKLOG = 2048
HEAR_OUT_SECONDS = 0.2  # a client that is connected already sends its request meanwhile


class Application:
    """The application as it is in the folder now, in a process of its own."""

    def __init__(self, listener: socket.socket) -> None:
        self._ready, tell = os.pipe()
        os.set_blocking(self._ready, False)
        inherited = (listener.fileno(), tell)
        command = [sys.executable, __file__, *map(str, inherited)]
        self.process = subprocess.Popen(command, pass_fds=inherited)  # noqa: S603  itself
        os.close(tell)

    def is_ready(self) -> bool:
        try:
            return os.read(self._ready, 1) != b""
        except BlockingIOError:
            return False

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> None:
        self.process.terminate()

    def wait(self) -> int:
        os.close(self._ready)
        return self.process.wait()


class Supervisor:
    """One application serves, at most one more is coming up, and earlier ones are finishing."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._seen = sources()
        self._serving = Application(listener)
        self._candidate: Application | None = None
        self._leaving: list[Application] = []
        self._told_to_stop = False
        signal.signal(signal.SIGTERM, self._stop)

    def run(self) -> int:
        """Until it is told to stop, or the application that serves ends by itself.

        Returns 0, or that application's exit code.
        """
        while not self._told_to_stop and not self._serving.is_over():
            time.sleep(POLL_SECONDS)
            self._look()
        self._dismiss(self._candidate)
        self._dismiss(self._serving)
        codes = [application.wait() for application in self._leaving]
        return 0 if self._told_to_stop else codes[-1]

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_stop = True

    def _look(self) -> None:
        if (now := sources()) != self._seen:
            self._seen = now
            self._dismiss(self._candidate)
            self._candidate = Application(self._listener)
        if self._candidate and self._candidate.is_ready():
            self._dismiss(self._serving)
            self._serving, self._candidate = self._candidate, None
            say(f"{APP} has changed and is served")
        elif self._candidate and self._candidate.is_over():
            self._dismiss(self._candidate)
            self._candidate = None
            say(f"{APP} has changed and does not come up; the last good one goes on")
        self._reap()

    def _dismiss(self, application: Application | None) -> None:
        if application:
            application.end()
            self._leaving.append(application)

    def _reap(self) -> None:
        over = [application for application in self._leaving if application.is_over()]
        for application in over:
            application.wait()
            self._leaving.remove(application)


def sources() -> dict[str, tuple[int, int]]:
    found = {}
    for path in Path().rglob("*.py"):
        try:
            status = path.stat()
        except FileNotFoundError:  # an editor is about to put another in its place
            continue
        found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


def say(what: str) -> None:
    sys.stderr.write(f"live: {what}\n")
    sys.stderr.flush()


def run(listener: socket.socket, tell: int) -> None:
    """The application's own start, but on the listener, and telling when it serves."""
    import uvicorn  # noqa: PLC0415  only the application has need of it

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            os.write(tell, b"1")

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            for server in self.servers:
                server.close()
            await asyncio.sleep(HEAR_OUT_SECONDS)
            await super().shutdown(sockets)

    def serve(app: Any, **options: Any) -> None:  # noqa: ANN401  as uvicorn.run has it
        Server(uvicorn.Config(app, **options)).run(sockets=[listener])

    uvicorn.run = serve
    sys.path[0] = str(Path.cwd())
    runpy.run_path(str(APP), run_name="__main__")


def listen() -> socket.socket:
    host, port = os.environ.get("HOST", "0.0.0.0"), os.environ.get("PORT", "8080")  # noqa: S104  in a container
    return socket.create_server((host, int(port)), backlog=BACKLOG)


def main(inherited: Sequence[str]) -> None:
    if inherited:
        listener, tell = map(int, inherited)
        run(socket.socket(fileno=listener), tell)
    else:
        sys.exit(Supervisor(listen()).run())


if __name__ == "__main__":
    main(sys.argv[1:])
