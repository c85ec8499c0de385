"""A service for the gateway's tests, which answers as the path says and returns its request.

    /echo/NAME      what arrived, as JSON
    /slow/SECONDS   the same, later
    /stop/SECONDS   the same, and nothing else is done meanwhile: no connection is taken either
    /status/CODE    an answer of its own with that status
    /big/BYTES      so many bytes
    /begin/SECONDS  the beginning of an answer, which ends after that time with the connection

NAME says which replica answers, SERVICE for which service it takes requests. BACKLOG is how many
connections may wait to be taken.
"""

import asyncio
import json
import os
import sys
import time

NAME, SERVICE = os.environ["NAME"], os.environ["SERVICE"]
REFUSED = b"HTTP/1.1 421 X\r\nX-Accel-Redirect: @again\r\nContent-Length: 0\r\n\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = head[0].split(" ")
        sys.stdout.write(f"{method} {path}\n")
        sys.stdout.flush()
        if headers.get("x-service", SERVICE) == SERVICE:
            writer.write(await answer(method, path, headers, body))
        else:
            writer.write(REFUSED)
        await writer.drain()
        if path.startswith("/begin/"):
            await asyncio.sleep(float(path.removeprefix("/begin/")))
            sys.stdout.write(f"end of {path}\n")
            sys.stdout.flush()
            writer.close()
            return


async def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    _, kind, argument, *_ = [*path.partition("?")[0].split("/"), "", ""]
    arrived = {"replica": NAME, "method": method, "path": path, "headers": headers}
    content = json.dumps({**arrived, "length": len(body)}).encode()
    if kind == "slow":
        await asyncio.sleep(float(argument))
    elif kind == "stop":
        time.sleep(float(argument))  # noqa: ASYNC251  it is to stop all
    elif kind == "big":
        content = b"x" * int(argument)
    elif kind == "begin":
        return b"HTTP/1.1 200 X\r\n\r\nthe beginning"
    status = argument if kind == "status" else "200"
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + (b"" if method == "HEAD" else content)


async def main() -> None:
    server = await asyncio.start_server(serve, "0.0.0.0", 8080, backlog=int(os.environ["BACKLOG"]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
