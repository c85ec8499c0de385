"""The X-Trace header: who answered and what arrived, for a client that sends `X-Trace: 1`."""

import json
import socket

from starlette.types import Message, Scope, Send

HEADER = b"x-trace"
WANTED = b"1"
TOLD = ("host", "x-real-ip", "x-forwarded-for", "x-request-id", "x-service")


def traced(scope: Scope, send: Send) -> Send:
    """Return a `send` that adds the X-Trace header to the answer."""
    trace = json.dumps(_what_arrived(scope)).encode()

    async def send_with_trace(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (HEADER, trace)]}
        await send(message)

    return send_with_trace


def _what_arrived(scope: Scope) -> dict[str, object]:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    return {
        "instance": socket.gethostname(),
        "address": scope["server"],
        "client": scope["client"],
        "path": scope["path"],
        "headers": {key: headers[key] for key in TOLD if key in headers},
    }
