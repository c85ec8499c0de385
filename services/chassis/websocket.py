"""WebSockets, which are closed with 1001 ("going away") when the service stops."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

GOING_AWAY = 1001
CLOSE_SECONDS = 2.0  # for the client's answer to a close
MAX_BYTES = 64 * 1024  # of a message, as of a body at the gateway
# uvicorn logs each handshake with its query, which may have a secret. The chassis has its own log.
LOGGER = logging.getLogger("uvicorn.error.websocket")
LOGGER.setLevel(logging.WARNING)


class Protocol(WebSocketsSansIOProtocol):
    _going_away: asyncio.Task[None] | None = None

    def __init__(self, *arguments: Any, **more: Any) -> None:  # noqa: ANN401  as uvicorn's
        super().__init__(*arguments, **more)
        self.logger = LOGGER
        self.close_timeout = CLOSE_SECONDS

    def shutdown(self) -> None:
        if self.handshake_complete and not self.close_sent:
            self._going_away = self.loop.create_task(self._go_away())
        else:
            super().shutdown()

    async def _go_away(self) -> None:
        with suppress(ClientDisconnected):
            await super().send({"type": "websocket.close", "code": GOING_AWAY})

    async def send(self, message: Any) -> None:  # noqa: ANN401  as uvicorn's
        if self._going_away and self.close_sent:
            raise ClientDisconnected
        await super().send(message)
