"""news: tells each client how many orders there are, by a WebSocket."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import chassis


async def news(websocket: WebSocket) -> None:
    await websocket.accept()
    last = None
    while True:
        try:
            now = await chassis.ask(websocket, "orders", "/")
        except HTTPException:
            now = last  # orders does not answer now
        if now != last:
            await websocket.send_json(now)
        last = now
        await asyncio.sleep(0.5)


app = chassis.service("news", routes=[WebSocketRoute("/", news)])
