"""Send the header and the body of an answer in one packet."""

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWrite:
    """A transport that joins all writes of one iteration of the event loop.

    uvicorn writes the header and the body of an answer separately. That makes two packets, and
    nginx wakes up for each.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.is_closing = transport.is_closing  # called for each answer, so not through __getattr__
        self.held: list[bytes] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        if not self.held:
            asyncio.get_running_loop().call_soon(self._release)
        self.held.append(data)

    def close(self) -> None:
        self._release()
        self.transport.close()

    def _release(self) -> None:
        if self.held and not self.transport.is_closing():
            self.transport.write(b"".join(self.held))
        self.held.clear()


class Protocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn has the same
        super().connection_made(cast("asyncio.Transport", OneWrite(transport)))
