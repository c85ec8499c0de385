"""Event streams: answers that go on until the client leaves or the service stops."""

import asyncio
import os
from collections.abc import AsyncIterable

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from chassis.envelope import HEADERS

# A stream that is silent for so long sends a sign of life: the gateway closes it after the row's
# time-out. 0 if the service's row has no streams.
PING_SECONDS = float(os.environ.get("PING_SECONDS", "0"))
COMMENT = b":\n\n"  # clients ignore it

_open: set[asyncio.Task[None]] = set()
_ended = False


class EventStream(StreamingResponse):
    media_type = "text/event-stream"
    _sent = 0.0  # when, by the event loop's clock
    _is_head = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._is_head = scope["method"] == "HEAD"
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        self._sent = asyncio.get_running_loop().time()
        sending = asyncio.create_task(self._send_events(send))
        _open.add(sending)
        if _ended or self._is_head:
            sending.cancel()
        try:
            await self._show_life_until(sending, send)
        finally:
            _open.discard(sending)
            sending.cancel()  # the client has left
        if not sending.cancelled():
            sending.result()  # raises what the service's iterator has raised
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, send: Send) -> None:
        async for event in self.body_iterator:
            await self._send(event.encode() if isinstance(event, str) else bytes(event), send)

    async def _show_life_until(self, sending: asyncio.Task[None], send: Send) -> None:
        while not sending.done():
            silence = asyncio.get_running_loop().time() - self._sent
            if PING_SECONDS and silence >= PING_SECONDS:
                await self._send(COMMENT, send)
                silence = 0
            await asyncio.wait({sending}, timeout=PING_SECONDS - silence if PING_SECONDS else None)

    async def _send(self, body: bytes, send: Send) -> None:
        self._sent = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": body, "more_body": True})


def event_stream(events: AsyncIterable[str]) -> EventStream:
    r"""Return the response that sends these events, each as soon as the iterator has it.

    An event is text as `EventSource` reads it, such as "id: 1\ndata: hello\n\n". When the service
    stops, the iterator is cancelled and the answer ends, so that the client connects again.
    """
    return EventStream(events, headers={**HEADERS, "Cache-Control": "no-cache"})


def end() -> None:
    """End every event stream, also those that are asked for from now on."""
    global _ended  # noqa: PLW0603  of the process, like the streams
    _ended = True
    for stream in _open:
        stream.cancel()
