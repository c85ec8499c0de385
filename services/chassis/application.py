"""The ASGI application of a service: its own routes, and what all services have in common."""

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from chassis import trace
from chassis.envelope import HEALTHY, MISDIRECTED, NOT_FOUND, answer_to
from chassis.log import Log

HEALTH = "/healthz"
WEBSOCKET = {"websocket.accept": 101, "websocket.close": 403}  # the status of its handshake
FAILED = 1011  # a WebSocket's code for an error of the server
Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


class Application:
    def __init__(self, name: str, routes: Sequence[BaseRoute], lifespan: Lifespan | None) -> None:
        self._name = name.encode()
        self._log = Log(name)
        self._router = Router(
            [*routes, Route(HEALTH, HEALTHY)],
            redirect_slashes=False,
            default=NOT_FOUND,
            lifespan=lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        if scope["type"] == "lifespan":
            await self._router(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if headers.get(trace.HEADER) == trace.WANTED:
            send = trace.traced(scope, send)
        if scope["path"] == HEALTH:
            await self._router(scope, receive, send)
        else:
            await self._answer(headers, scope, receive, send)

    async def _answer(
        self, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request, also if its handler fails, and log it."""
        started = time.perf_counter()
        status, cause = 0, ""

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status or WEBSOCKET.get(message["type"], 0))
            await send(message)

        try:
            await self._app_for(headers, scope)(scope, receive, send_noting_status)
        except WebSocketDisconnect:
            pass
        except Exception as error:  # noqa: BLE001  any error is answered with 500 and logged
            cause = _logged(error, answered=bool(status))
            if not status:
                await answer_to(error)(scope, receive, send_noting_status)
            elif scope["type"] == "websocket":
                with suppress(OSError, RuntimeError):  # it is closed already
                    await send({"type": "websocket.close", "code": FAILED})
        self._log.write(
            request_id=headers.get(b"x-request-id", b"").decode("latin-1"),
            method=scope.get("method", "GET"),  # a WebSocket's handshake has no other
            path=scope["path"],
            status=status,
            seconds=time.perf_counter() - started,
            error=cause,
        )

    def _app_for(self, headers: Mapping[bytes, bytes], scope: Scope) -> ASGIApp:
        # Docker may have given this address to another service before: refuse its requests.
        if headers.get(b"x-service", self._name) != self._name:
            return MISDIRECTED
        # Starlette's route patterns end in "$", which also matches before a final line feed.
        return NOT_FOUND if scope["path"].endswith("\n") else self._router


def _logged(error: Exception, *, answered: bool) -> str:
    """Return what the log says of an error: of an HTTPException, only what it was raised from."""
    if answered or not isinstance(error, HTTPException):
        return traceback.format_exc()
    return str(error.__cause__ or "")


def service(
    name: str, routes: Sequence[BaseRoute], lifespan: Lifespan | None = None
) -> Application:
    """Return the application of the service `name`, which is the name in topology.py.

    `lifespan` is Starlette's: a context manager that is entered at start and left at stop.
    """
    return Application(name, routes, lifespan)
