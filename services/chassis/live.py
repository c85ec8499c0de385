"""The server that the supervisor starts. It uses the supervisor's socket, and reports ready."""

import asyncio
import os
import socket

from chassis.server import Server

LINGER_SECONDS = 0.2  # for clients that have connected, but not yet sent their request


class LiveServer(Server):
    def __init__(self, ready: int) -> None:
        super().__init__()
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            os.write(self._ready, b"1")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(LINGER_SECONDS)
        await super().shutdown(sockets)


def serve(listener: int, ready: int) -> int:
    """Serve on the socket `listener`, write to the pipe `ready` once started (file descriptors)."""
    return LiveServer(ready).serve_until_stopped([socket.socket(fileno=listener)])
