"""What becomes of PostgreSQL's errors, with the real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from backend.core import database as database_module
from backend.core.database import Database, close_db, get_database, init_db
from backend.core.errors import Conflict, Unavailable
from backend.tests.fixtures.database import WorkerDatabase


@pytest.fixture
async def database(integration_env: str) -> AsyncIterator[Database]:
    made = Database(integration_env, connections=2)
    yield made
    await made.close()


async def test_init_takes_the_setting_and_close_forgets_it(integration_env: str) -> None:
    opened = await init_db()
    assert get_database() is opened
    await opened.ping()
    await close_db()
    with pytest.raises(RuntimeError, match="Database not initialized"):
        get_database()


async def test_a_transaction_is_committed_at_its_end_or_rolled_back(database: Database) -> None:
    async def cameras() -> int:
        async with database.transaction() as session:
            return int(await session.scalar(text("SELECT count(*) FROM cameras")) or 0)

    insert = "INSERT INTO cameras (slug, folder, name, created_at) VALUES ('a', 'a', 'a', now())"

    async def change_their_mind() -> None:
        async with database.transaction() as session:
            await session.execute(text(insert))
            raise Conflict("no", code="test")

    with pytest.raises(Conflict):
        await change_their_mind()
    assert await cameras() == 0
    async with database.transaction() as session:
        await session.execute(text(insert))
    assert await cameras() == 1
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM cameras"))


async def test_what_the_driver_says_of_itself_is_not_repeated(database: Database) -> None:
    async def lose_the_connection() -> None:
        async with database.transaction() as session:
            connection = await (await session.connection()).get_raw_connection()
            assert connection.driver_connection is not None
            connection.driver_connection.terminate()
            await session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable) as caught:
        await lose_the_connection()
    assert str(caught.value) == "no database: the connection broke in the middle of a question"


async def test_a_connection_that_the_server_ends_and_then_it_goes_on(database: Database) -> None:
    async def lose_the_connection() -> None:
        async with database.transaction() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            async with database.transaction() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            await session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable, match="no database"):
        await lose_the_connection()
    await database.ping()


async def test_a_connection_that_ended_while_it_was_idle(database: Database) -> None:
    async with database.transaction() as one:
        pid = await one.scalar(text("SELECT pg_backend_pid()"))
    other = Database(database_url(database))
    async with other.transaction() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    await other.close()
    with pytest.raises(Unavailable):
        await database.ping()
    await database.ping()


async def test_who_finds_no_free_connection_is_told_so(
    integration_env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_CONNECTION_SECONDS", 0.2)
    database = Database(integration_env, connections=1)
    async with AsyncExitStack() as held:
        for _ in range(3):  # two more than are kept
            session = await held.enter_async_context(database.transaction())
            await session.execute(text("SELECT 1"))
        with pytest.raises(Unavailable) as caught:
            await database.ping()
    assert str(caught.value) == "no database: all connections to it were in use for 0.2 s"
    await database.close()


async def test_a_lock_is_waited_for_as_long_as_was_said(
    integration_env: str, database: Database
) -> None:
    hurried = Database(integration_env, connections=1, lock_seconds=0.1)
    lock = text("SELECT pg_advisory_xact_lock(1)")
    async with database.transaction() as session:
        await session.execute(lock)
        with pytest.raises(Unavailable, match="somebody else") as caught:
            async with hurried.transaction() as other:
                await other.execute(lock)
    assert caught.value.code == "database.locked"
    await hurried.close()


async def test_who_stands_still_in_a_transaction_is_thrown_out(
    worker_database: WorkerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_IDLE_MILLISECONDS", 100)
    database = Database(worker_database.url)

    async def stand_still() -> None:
        async with database.transaction() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            await until_gone(worker_database.url, pid)
            await session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable, match="no database"):
        await stand_still()
    await database.ping()
    await database.close()


async def until_gone(url: str, pid: int) -> None:
    """Wait until the server has ended a connection."""
    other = Database(url)
    gone = text("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = :pid)")
    async with asyncio.timeout(4):
        while True:
            async with other.transaction() as session:
                if await session.scalar(gone, {"pid": pid}):
                    break
            await asyncio.sleep(0.02)
    await other.close()


def database_url(database: Database) -> str:
    url: str = database._engine.url.render_as_string(hide_password=False)
    return url


async def test_who_lost_a_deadlock_may_try_again(database: Database) -> None:
    """Two transactions that wait for each other: one of them goes on, the other is told to."""

    async def lock(first: int, second: int, ready: asyncio.Barrier) -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": first})
            await ready.wait()
            await session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": second})

    ready = asyncio.Barrier(2)
    outcomes = await asyncio.gather(lock(1, 2, ready), lock(2, 1, ready), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "Unavailable"]


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("SELECT no_such_column", {}),
        ("SELECT CAST(:n AS int)", {"n": 2**40}),
        ("SELECT CAST(:n AS int)", {"n": "seven"}),
        ("SELECT 1/0", {}),
    ],
)
async def test_what_will_fail_again_is_not_called_unavailable(
    database: Database, statement: str, values: dict[str, object]
) -> None:
    with pytest.raises(DBAPIError):
        async with database.transaction() as session:
            await session.execute(text(statement), values)


async def test_a_broken_rule_is_not_called_unavailable(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(
                text("INSERT INTO outbox_counter (id, last_number) VALUES (2, 0)")
            )
