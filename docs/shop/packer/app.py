"""packer: a worker. It packs what was ordered; no route leads to it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
from starlette.applications import Starlette

import chassis

SECONDS = 0.5


async def pack() -> None:
    while True:
        try:
            database = await asyncpg.connect(
                host="database", user="postgres", password=chassis.secret("PASSWORD")
            )
            while True:
                await database.execute("UPDATE orders SET packed = true WHERE NOT packed")
                await asyncio.sleep(SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logging.getLogger("packer").warning("The database is away: %s", error)
            await asyncio.sleep(SECONDS)


@asynccontextmanager
async def working(_app: Starlette) -> AsyncIterator[None]:
    work = asyncio.create_task(pack())
    yield
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


app = chassis.service("packer", routes=[], lifespan=working)
