"""The server: uvicorn with the settings of every service here."""

import gc
import importlib
import socket
import sys

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from chassis.address import address
from chassis.connection import Protocol

GRACEFUL_SECONDS = 8  # above the gateway's longest request, below the container's stop time
KEEP_ALIVE_SECONDS = 75  # above the gateway's, which must be the one to close


class Server(uvicorn.Server):
    """Serves the `app` of the working folder's app.py."""

    def __init__(self) -> None:
        host, port = address()
        super().__init__(
            uvicorn.Config(
                importlib.import_module("app").app,
                host=host,
                port=port,
                loop="uvloop",
                http=Protocol,
                ws="none",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )

    def serve_until_stopped(self, sockets: list[socket.socket] | None = None) -> int:
        """Listen on these sockets, or on an own one; return the exit code."""
        # What was imported stays: the collector need not look through it again and again.
        gc.freeze()
        gc.set_threshold(50_000)
        self.run(sockets)
        return 0 if self.started else STARTUP_FAILURE

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        sys.stdout.flush()
