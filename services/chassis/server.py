"""The server: uvicorn with the settings that all services use."""

import asyncio
import gc
import importlib
import os
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from chassis import streams
from chassis.address import address
from chassis.connection import Protocol

# Longer than the gateway waits for an answer, shorter than the container has to stop.
GRACEFUL_SECONDS = int(os.environ.get("GRACEFUL_SECONDS", "8"))
# How long open streams may go on after SIGTERM, where no gateway has waited for them before.
STREAM_SECONDS = float(os.environ.get("STREAM_SECONDS", "0"))
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
                **_websockets(),
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
        if STREAM_SECONDS and self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=STREAM_SECONDS)
        streams.end()
        await super().shutdown(sockets)
        sys.stdout.flush()


def _websockets() -> dict[str, Any]:
    if not streams.PING_SECONDS:
        return {"ws": "none"}
    # Imported late: it takes memory, and most services have no streams.
    from chassis import websocket  # noqa: PLC0415

    return {
        "ws": websocket.Protocol,
        "ws_max_size": websocket.MAX_BYTES,
        "ws_per_message_deflate": False,  # takes memory for each connection
        "ws_ping_interval": streams.PING_SECONDS,
    }
