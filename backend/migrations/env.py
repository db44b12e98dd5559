"""Alembic's entry: runs the migrations over the asynchronous driver, one process at a time."""

import asyncio
from contextlib import aclosing

from alembic import context
from asyncpg import PostgresError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backend.core.errors import Unavailable
from backend.migrations.run import refuse_newer
from backend.models import Table

_LOCK = 7_301_001  # the key of the advisory lock; any number that nobody else uses


def migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    refuse_newer(connection)
    context.configure(connection=connection, target_metadata=Table.metadata)
    context.run_migrations()


async def connect_and_migrate(url: str) -> None:
    engine = create_async_engine(url, connect_args={"timeout": 10})
    try:
        connection = await connected(engine)
        async with aclosing(connection), connection.begin():
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


async def connected(engine: AsyncEngine) -> AsyncConnection:
    connection = engine.connect()
    try:
        return await connection.start()
    except (OSError, TimeoutError, PostgresError, SQLAlchemyError) as error:
        said = str(getattr(error, "orig", error)).splitlines()[0]
        raise Unavailable(f"no database: {said}", code="database.unavailable") from error


asyncio.run(connect_and_migrate(context.config.attributes["url"]))
