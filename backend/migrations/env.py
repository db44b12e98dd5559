"""Alembic's entry: runs the migrations over the asynchronous driver, one process at a time."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta

from alembic import context
from asyncpg import PostgresError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backend.core.errors import Unavailable
from backend.migrations.lock_holder import Holder
from backend.migrations.run import Patience, refuse_newer
from backend.models import Table

_LOCK = 7_301_001  # the key of the advisory lock; any number that nobody else uses
_LOCK_NOT_AVAILABLE = "55P03"


_MIGRATING = """
    SELECT a.pid, a.application_name, a.client_addr, a.state, a.xact_start
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.database = (
        SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid = 0 AND l.objid = :key
"""
# By now nobody waits any more, so that the server cannot say who was waited for: the one that has
# been at our tables for longest.
_USING_TABLES = """
    SELECT a.pid, a.application_name, a.client_addr, a.state, a.xact_start
    FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
    WHERE l.locktype = 'relation' AND l.granted AND l.database = (
        SELECT oid FROM pg_database WHERE datname = current_database())
        AND c.relnamespace = 'public'::regnamespace AND l.pid <> pg_backend_pid()
    ORDER BY a.xact_start LIMIT 1
"""


def lock(connection: Connection, patience: timedelta) -> None:
    """Let one process at a time migrate. Raises `Unavailable` where another does not end."""
    take = text("SELECT pg_advisory_xact_lock(:key)")
    refused = limited(connection, patience, lambda: connection.execute(take, {"key": _LOCK}))
    if refused:
        waited = f"the database is being migrated by another, for longer than {patience.seconds} s"
        holder = connection.execute(text(_MIGRATING), {"key": _LOCK}).first()
        who = Holder(*holder).migrates() if holder else "it has ended just now: try again"
        raise Unavailable(f"{waited}: {who}", code="database.migrating") from refused


def change(connection: Connection, patience: timedelta) -> None:
    """Run the migrations. Raises `Unavailable` where somebody does not let go of a table."""
    refused = limited(connection, patience, context.run_migrations)
    if refused:
        waited = f"the migration has waited for a table for {patience.seconds} s, and is undone"
        holder = connection.execute(text(_USING_TABLES)).first()
        who = Holder(*holder).uses_tables() if holder else "nobody uses it now: try again"
        raise Unavailable(f"{waited}: {who}", code="database.in_use") from refused


def limited(
    connection: Connection, patience: timedelta, work: Callable[[], object]
) -> DBAPIError | None:
    """Do it, and undo it where it would have to wait longer for a lock; then the server's error."""
    milliseconds = str(int(patience.total_seconds() * 1000))
    limit = text("SELECT set_config('lock_timeout', :limit, true)")
    connection.execute(limit, {"limit": milliseconds})
    try:
        with connection.begin_nested():
            work()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        return error
    return None


def migrate(connection: Connection) -> None:
    patience: Patience = context.config.attributes["patience"]
    lock(connection, patience.for_others)
    refuse_newer(connection)
    context.configure(connection=connection, target_metadata=Table.metadata)
    change(connection, patience.for_tables)


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
