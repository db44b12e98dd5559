"""The database where there is none."""

import asyncio

import pytest

from backend.core.database import Database, close_db, get_database, init_db
from backend.core.errors import Unavailable


async def test_before_it_is_opened_it_says_what_to_do() -> None:
    await close_db()
    with pytest.raises(RuntimeError, match=r"Database not initialized: call `await init_db\(\)`"):
        get_database()


async def test_without_the_setting_it_names_it() -> None:
    with pytest.raises(Unavailable, match="DATABASE_URL is not set"):
        await init_db()


async def test_a_server_that_is_not_there() -> None:
    database = await init_db("postgresql+asyncpg://user:secret@127.0.0.1:1/name")
    assert get_database() is database
    with pytest.raises(Unavailable, match="no database") as caught:
        await database.ping()
    assert caught.value.code == "database.unavailable"
    assert "secret" not in str(caught.value)
    await close_db()


async def test_a_server_that_is_starting() -> None:
    async with await asyncio.start_server(_starting_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = Database(f"postgresql+asyncpg://user:secret@127.0.0.1:{port}/name")
        with pytest.raises(Unavailable, match="is starting up") as caught:
            await database.ping()
        assert "secret" not in str(caught.value)
        await database.close()


async def _starting_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """PostgreSQL's answer to a start-up message, or to the question for TLS, which is "no"."""
    for _ in range(2):
        length = int.from_bytes(await reader.readexactly(4), "big")
        message = await reader.readexactly(length - 4)
        if int.from_bytes(message[:4], "big") != 80877103:
            break
        writer.write(b"N")
    fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
    writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
