"""PostgreSQL: one engine a process, one transaction a unit of work."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from backend.core.config import get_settings
from backend.core.errors import Unavailable

Session = AsyncSession
"""A unit of work, for those who hand it on to `services.stores` and know no SQL."""

# Classes of SQLSTATE that pass by themselves: connection, resources (a full disk too), shutdown and
# restart of the server, what lost a race (serialization, deadlock, lock not available), and what
# stood still in a transaction.
_LOCK_NOT_AVAILABLE = "55P03"
_PASSING = ("08", "53", "57P", "58", "40", _LOCK_NOT_AVAILABLE, "25P03")

_FAREWELL_SECONDS = 2.0
_CONNECTION_SECONDS = 10.0  # for one that is free

# Then the server ends a transaction in which nothing is asked: a process that stands still, or has
# gone without a farewell, would keep its locks, and others would wait for them.
_IDLE_MILLISECONDS = 20_000


class Database:
    """The connections to one database.

    Nothing below the edge commits: whoever opens `transaction()` owns the unit of work.
    For a lock that another has it waits `lock_seconds`, or without them as long as it takes.
    """

    def __init__(
        self, url: str, *, connections: int = 8, lock_seconds: float | None = None
    ) -> None:
        limits = {"idle_in_transaction_session_timeout": str(_IDLE_MILLISECONDS)}
        if lock_seconds is not None:
            limits["lock_timeout"] = str(round(lock_seconds * 1000))
        self._engine = create_async_engine(
            url,
            pool_size=connections,
            max_overflow=2,
            pool_timeout=_CONNECTION_SECONDS,
            connect_args={"timeout": 5, "command_timeout": 60, "server_settings": limits},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction: committed at the end, rolled back on any error.

        Raises `Unavailable` where the server cannot be reached, or gave up for a passing reason.
        """
        with _translated():
            async with self._sessions() as session, session.begin():
                yield session

    async def ping(self) -> None:
        """Ask the server for nothing, to see that it answers."""
        async with self.transaction() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections; a server that is silent is not waited for."""
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._engine.dispose()
        except TimeoutError:
            await self._engine.dispose(close=False)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise Unavailable(
            f"no database: all connections to it were in use for {_CONNECTION_SECONDS:g} s",
            code="database.unavailable",
        ) from error
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"no database: {error}", code="database.unavailable") from error
    except SQLAlchemyError as error:
        if not _passes(error):
            raise
        if _state(error) == _LOCK_NOT_AVAILABLE:
            raise Unavailable(
                "somebody else is changing the same: try again", code="database.locked"
            ) from error
        raise Unavailable(f"no database: {_short(error)}", code="database.unavailable") from error


def _passes(error: SQLAlchemyError) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    state = _state(error)
    if state is None:
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return state.startswith(_PASSING)


def _state(error: SQLAlchemyError) -> str | None:
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return None if state is None else str(state)


def _short(error: SQLAlchemyError) -> str:
    """The server's own first line: SQLAlchemy would add the statement and its values.

    What the driver says without the server, it says of its own insides.
    """
    if not isinstance(error, DBAPIError) or _state(error) is None:
        return "the connection broke in the middle of a question"
    return str(error.orig).splitlines()[0]


_database: Database | None = None


async def init_db(url: str | None = None) -> Database:
    """Open the process's database; `url` defaults to the setting `DATABASE_URL`."""
    global _database  # noqa: PLW0603 - one database a process, by the names the tests use
    if url is None:
        setting = get_settings().database_url
        if setting is None:
            raise Unavailable("DATABASE_URL is not set", code="database.not_configured")
        url = setting.get_secret_value()
    await close_db()
    _database = Database(url)
    return _database


async def close_db() -> None:
    """Close what `init_db` opened; nothing where there is nothing open."""
    global _database  # noqa: PLW0603
    if _database is not None:
        await _database.close()
        _database = None


def get_database() -> Database:
    """The process's database."""
    if _database is None:
        raise RuntimeError("Database not initialized: call `await init_db()` first")
    return _database
