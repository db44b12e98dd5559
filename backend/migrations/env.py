"""Alembic's entry: runs the migrations over the asynchronous driver, one process at a time."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

from alembic import context
from asyncpg import PostgresError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backend.core.errors import Unavailable
from backend.migrations.lock_holder import in_words
from backend.migrations.run import refuse_newer
from backend.models import Table

_LOCK = 7_301_001  # the key of the advisory lock; any number that nobody else uses
_LOCK_NOT_AVAILABLE = "55P03"
_HELD = "database.migrating"


_HOLDER = """
    SELECT a.pid, a.application_name, a.client_addr, a.state, a.xact_start
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.database = (
        SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid = 0 AND l.objid = :key
"""


def lock(connection: Connection, patience: timedelta) -> None:
    """Let one process at a time migrate. Raises `Unavailable` where another does not end."""
    milliseconds = str(int(patience.total_seconds() * 1000))
    limit = text("SELECT set_config('lock_timeout', :limit, true)")
    connection.execute(limit, {"limit": milliseconds})
    try:
        with connection.begin_nested():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise _held(connection, patience) from error
    connection.execute(limit, {"limit": "0"})  # the migrations themselves wait for their tables


def _held(connection: Connection, patience: timedelta) -> Unavailable:
    holder = connection.execute(text(_HOLDER), {"key": _LOCK}).first()
    waited = f"the database is being migrated by another, for longer than {patience.seconds} s"
    if holder is None:
        return Unavailable(f"{waited}; it has ended just now: try again", code=_HELD)
    return Unavailable(f"{waited}: {in_words(*holder)}", code=_HELD)


def migrate(connection: Connection) -> None:
    lock(connection, context.config.attributes["patience"])
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
