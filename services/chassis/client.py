"""Call another service, through the gateway."""

import asyncio
import json
import os
import re
from typing import Any
from urllib.parse import urlsplit

import httptools
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

CALL_SECONDS = float(os.environ.get("CALL_SECONDS", "4"))


class _Received:
    """What the parser has found of an answer."""

    def __init__(self) -> None:
        self.content = b""
        self.is_complete = False

    def on_body(self, data: bytes) -> None:
        self.content += data

    def on_message_complete(self) -> None:
        self.is_complete = True


async def ask(
    request: HTTPConnection, service: str, path: str, *, method: str = "GET", body: bytes = b""
) -> Any:  # noqa: ANN401  as json.loads
    """Return the JSON that another service answers with. The row must name it in `calls`.

    The ID of `request` is passed on. `body` is JSON. Unless the answer has a status from 200 to 299
    and comes within CALL_SECONDS, raises an HTTPException, which is answered with 502.
    """
    url = f"{_url(service)}{path}"
    text = _text(request, method, url, body)
    try:
        async with asyncio.timeout(CALL_SECONDS):
            return json.loads(await _answer(url, text))
    except (OSError, EOFError, ValueError, httptools.HttpParserError) as error:
        cause = ConnectionError(f"{method} {url}: {type(error).__name__} {error}".rstrip())
        raise HTTPException(502, "Bad Gateway") from cause


def _url(service: str) -> str:
    variable = f"{service.upper().replace('-', '_')}_URL"
    try:
        return os.environ[variable]
    except KeyError:
        raise RuntimeError(
            f"{variable} is not set: {service!r} must be one of the row's `calls` in topology.py"
        ) from None


def _text(request: HTTPConnection, method: str, url: str, body: bytes) -> bytes:
    """Return a request as it is sent, on a connection of its own."""
    parts = urlsplit(url)
    target = url.partition(parts.netloc)[2]
    if not re.fullmatch(r"[!-~]+", target):
        raise ValueError(f"{target!r} has characters that must be percent-encoded")
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *(["Content-Type: application/json"] if body else []),
        *(f"X-Request-ID: {value}" for value in request.headers.getlist("x-request-id")),
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1") + body


async def _answer(url: str, text: bytes) -> bytes:
    """Return the body of the answer. Raises ValueError if its status is not 200 to 299."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(text)
        received = _Received()
        parser = httptools.HttpResponseParser(received)
        while not received.is_complete:
            data = await reader.read(65536)
            if not data:
                raise EOFError("the connection ended before the answer did")
            parser.feed_data(data)
    finally:
        writer.close()
    status = parser.get_status_code()
    if not 200 <= status < 300:  # noqa: PLR2004  as HTTP has it
        raise ValueError(f"status {status}, {received.content[:200]!r}")
    return received.content
