"""orders: takes orders, and keeps them in the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import chassis


@asynccontextmanager
async def database(_app: Starlette) -> AsyncIterator[dict[str, asyncpg.Pool]]:
    password = chassis.secret("PASSWORD")
    async with asyncpg.create_pool(
        host="database", user="postgres", password=password, min_size=1, max_size=4
    ) as pool:
        yield {"pool": pool}  # each request has it in its state


async def orders(request: Request) -> Response:
    pool = request.state.pool
    if request.method == "POST":
        await pool.execute("INSERT INTO orders (what) VALUES ($1)", (await request.body()).decode())
    row = await pool.fetchrow(
        "SELECT count(*) AS taken, count(*) FILTER (WHERE packed) AS packed FROM orders"
    )
    return JSONResponse(dict(row))


app = chassis.service(
    "orders", routes=[Route("/", orders, methods=["GET", "POST"])], lifespan=database
)
