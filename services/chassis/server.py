"""The server: uvicorn with the settings that all services use."""

import gc
import importlib
import os
import socket
import sys

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from chassis.address import address
from chassis.connection import Protocol

# Longer than the gateway waits for an answer, shorter than the container has to stop.
GRACEFUL_SECONDS = int(os.environ.get("GRACEFUL_SECONDS", "8"))
KEEP_ALIVE_SECONDS = 75  # longer than the gateway's, so that the gateway closes idle connections


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
        """Serve on these sockets, or on a new one. Return the exit code."""
        # Imported modules are never freed, so the garbage collector need not scan them.
        gc.freeze()
        gc.set_threshold(50_000)
        self.run(sockets)
        return 0 if self.started else STARTUP_FAILURE

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        sys.stdout.flush()
