"""Clients of streams, and the service with streams that the docs show."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from tests.support.deployment import ROOT

SECONDS = 15  # for one answer of a service, also on a busy machine


def documented() -> str:
    """Return the app.py of the section on streams."""
    page = (ROOT / "docs" / "adding-a-service.md").read_text()
    (found,) = re.findall(r"```python\n(import asyncio\n.*?)```", page, re.DOTALL)
    return str(found)


def websocket(url: str, **more: str) -> ClientConnection:
    """Open a WebSocket at the http:// address, with these headers."""
    address = url.replace("http://", "ws://", 1)
    return connect(address, proxy=None, open_timeout=SECONDS, additional_headers=more)


def closed_with(one: ClientConnection) -> int | None:
    """Read what is left of a WebSocket; return the code that it was closed with."""
    for _ in one:
        pass
    return one.close_code


@contextmanager
def event_stream(url: str) -> Iterator[http.client.HTTPResponse]:
    """Open an event stream. Reading it raises IncompleteRead if it breaks off."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
    try:
        connection.request("GET", urlsplit(url).path)
        answer = connection.getresponse()
        assert answer.status == 200
        yield answer
    finally:
        connection.close()


def event(stream: http.client.HTTPResponse) -> str:
    """Return the next event, or comment."""
    return b"".join(iter(stream.readline, b"\n")).decode()
