"""The server that the supervisor starts: on its socket, and telling it when it is ready."""

import asyncio
import os
import socket

from chassis.server import Server

HEAR_OUT_SECONDS = 0.2  # a client that is already connected sends its request meanwhile


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
        await asyncio.sleep(HEAR_OUT_SECONDS)
        await super().shutdown(sockets)


def serve(listener: int, ready: int) -> int:
    """Serve on the socket `listener`, and write to the pipe `ready`; both are descriptors."""
    return LiveServer(ready).serve_until_stopped([socket.socket(fileno=listener)])
