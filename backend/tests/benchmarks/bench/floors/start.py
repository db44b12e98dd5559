"""A bare start: import what the API needs, connect to both servers, and end."""

import asyncio
import os

import asyncpg
import fastapi
import orjson
import redis.asyncio
import sqlalchemy.ext.asyncio
import structlog
import uvicorn

IMPORTED = (fastapi, orjson, sqlalchemy.ext.asyncio, structlog, uvicorn)


async def _connect() -> None:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.fetchval("SELECT 1")
    await connection.close()
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as commands:
        await commands.ping()


if __name__ == "__main__":
    asyncio.run(_connect())
