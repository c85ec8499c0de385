"""microservice1: says hello, and only to GET."""

import asyncio
import gc
import json
import os
import socket
import sys
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import uvicorn
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

NAME = "microservice1"
GRACEFUL_SECONDS = 8  # above the gateway's longest request, below the container's grace
KEEP_ALIVE_SECONDS = 75  # above the gateway's, which must be the one to close
LOG_SECONDS = 0.05  # how long a log line waits for others, to be written with them
TRACE = (b"x-trace", b"1")
TRACED = ("host", "x-real-ip", "x-forwarded-for", "x-request-id", "x-service")

quote = json.JSONEncoder().encode


def answer(status: int, code: int, message: str) -> Response:
    body = json.dumps({"Code": code, "Message": message}, separators=(",", ":"))
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Headers": "Content-Type",
    }
    return Response(body, status, headers, media_type="application/json")


HELLO = answer(200, 2000, "Hello Microservice1")
ONLY_GET = answer(200, 4000, "Only Allow GET Method!")
HEALTHY = answer(200, 2000, "ok")
NOT_FOUND = answer(404, 4040, "Not Found")
MISDIRECTED = answer(421, 4210, "Misdirected Request")
MISDIRECTED.headers["X-Accel-Redirect"] = "@again"  # nginx sends it again; see nginx/proxy.conf
ERROR = answer(500, 5000, "Internal Server Error")


async def say_hello(scope: Scope, receive: Receive, send: Send) -> None:
    response = HELLO if scope["method"] == "GET" else ONLY_GET
    await response(scope, receive, send)


class AnyMethod:
    """An endpoint for every method: Starlette limits a plain function to GET and HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Gate:
    """Refuses what is meant for another service, answers for an error, logs a line a request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.flush_due: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/healthz":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        status, error = 0, ""

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app_for(scope["path"], headers)(scope, receive, send_noting_status)
        except Exception:  # noqa: BLE001  whatever it is, its cause belongs in the log
            error = traceback.format_exc()
            if not status:
                await ERROR(scope, receive, send_noting_status)
        duration = (time.perf_counter() - started) * 1000
        request_id = headers.get(b"x-request-id", b"").decode("latin-1")
        # json.dumps of the whole takes four times as long, with every request.
        self._log(
            f'{{"service": "{NAME}", "request_id": {quote(request_id)},'
            f' "method": "{scope["method"]}", "path": {quote(scope["path"])},'
            f' "status": {status}, "ms": {duration:.3f}'
            + (f', "error": {quote(error)}}}\n' if error else "}\n")
        )

    def _app_for(self, path: str, headers: dict[bytes, bytes]) -> ASGIApp:
        if headers.get(b"x-service", NAME.encode()) != NAME.encode():
            return MISDIRECTED
        # Starlette's routes end in "$", which matches before a last line feed too.
        return NOT_FOUND if path.endswith("\n") else self.app

    def _log(self, line: str) -> None:
        sys.stdout.write(line)
        if not self.flush_due:
            self.flush_due = asyncio.get_running_loop().call_later(LOG_SECONDS, self._flush)

    def _flush(self) -> None:
        self.flush_due = None
        sys.stdout.flush()


class OneWrite:
    """A transport that sends what is written in one turn of the loop as one packet.

    uvicorn writes an answer's head and body apart: two packets, and nginx wakes up for each.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
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


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    yield
    sys.stdout.flush()


class Trace:
    """Tells the page who answered and what arrived, when it asks so by `X-Trace: 1`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or TRACE not in scope["headers"]:
            await self.app(scope, receive, send)
            return
        seen = json.dumps(what_arrived(scope)).encode()

        async def send_with_trace(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-trace", seen)]}
            await send(message)

        await self.app(scope, receive, send_with_trace)


def what_arrived(scope: Scope) -> dict[str, object]:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    return {
        "instance": socket.gethostname(),
        "address": scope["server"],
        "client": scope["client"],
        "path": scope["path"],
        "headers": {key: headers[key] for key in TRACED if key in headers},
    }


service = Router(
    [Route("/say_hello", AnyMethod(say_hello)), Route("/healthz", HEALTHY)],
    redirect_slashes=False,
    default=NOT_FOUND,
    lifespan=lifespan,
)
app = Trace(Gate(service))


def main() -> None:
    # What was imported stays: the collector need not look through it again and again.
    gc.freeze()
    gc.set_threshold(50_000)
    uvicorn.run(
        app,
        host=os.environ.get("HOST", "0.0.0.0"),  # noqa: S104  in a container, its own network's
        port=int(os.environ.get("PORT", "8080")),
        loop="uvloop",
        http=Protocol,
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


if __name__ == "__main__":
    main()
