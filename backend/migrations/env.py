"""Alembic's entry: runs the migrations over the asynchronous driver, one process at a time."""

import asyncio

from alembic import context
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from backend.migrations.run import refuse_newer
from backend.models import Table

_LOCK = 7_301_001  # the key of the advisory lock; any number that nobody else uses


def migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    refuse_newer(connection, ScriptDirectory.from_config(context.config))
    context.configure(connection=connection, target_metadata=Table.metadata)
    context.run_migrations()


async def connect_and_migrate(url: str) -> None:
    engine = create_async_engine(url, connect_args={"timeout": 10})
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


asyncio.run(connect_and_migrate(context.config.attributes["url"]))
