"""A connection that sends an answer's head and body in one packet."""

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWrite:
    """A transport that joins what is written in one turn of the event loop.

    uvicorn writes the head and the body of an answer apart: two packets, and nginx wakes up for
    each.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.is_closing = (
            transport.is_closing
        )  # asked with each answer, and not through __getattr__
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
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(cast("asyncio.Transport", OneWrite(transport)))
