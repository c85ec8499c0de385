"""Handlers for all HTTP methods."""

import functools
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


class AnyMethod:
    """Wraps a handler into an ASGI application: Route limits a function to GET and HEAD."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        functools.update_wrapper(self, handler)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)


def any_method(handler: Handler) -> AnyMethod:
    """Let a Route call the handler for all methods, including HEAD and OPTIONS."""
    return AnyMethod(handler)
