"""Bring the database to what this version needs. It runs before any container of it starts."""

import asyncio

import asyncpg

import chassis

STEPS = (
    "CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, what text NOT NULL)",
    "ALTER TABLE orders ADD COLUMN IF NOT EXISTS packed boolean NOT NULL DEFAULT false",
)


async def migrate() -> None:
    database = await asyncpg.connect(
        host="database", user="postgres", password=chassis.secret("PASSWORD"), timeout=30
    )
    for step in STEPS:
        await database.execute(step)
    await database.close()


asyncio.run(migrate())
