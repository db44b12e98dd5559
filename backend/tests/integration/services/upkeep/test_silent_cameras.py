"""Silent cameras, out of the ledger."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.engine import Engine

from backend.services.upkeep.silent_cameras import silent_cameras
from backend.tests.fixtures.ledger import NOON, Ledger

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


async def send(
    ledger: Ledger, camera: int, number: int, *, every: timedelta, until: datetime = NOON
) -> None:
    """So many pictures of a camera, the last of them taken and received at a moment."""
    await ledger.change(
        """
        INSERT INTO frames (camera_id, received_at, captured_at, finished_at, size, mtime_ns, inode,
            width, height, clock_suspect, content_hash, path, found_by, captured_from, state)
        SELECT :camera, t, t, t, 1, 1, 1, 1, 1, false, sha256(CAST(CAST(t AS text) AS bytea)),
            CAST(t AS text), 'watch', 'mtime', 'empty'
        FROM (SELECT CAST(:until AS timestamptz) - n * CAST(:every AS interval) AS t
            FROM generate_series(0, :number - 1) AS n) AS times
        """,
        camera=camera,
        until=until,
        every=every,
        number=number,
    )


async def silent(ledger: Ledger, now: datetime, *ids: int) -> list[tuple[int, datetime]]:
    async with ledger.database.transaction() as session:
        found = await silent_cameras(session, now=now, camera_ids=ids or None)
    return [(camera.id, camera.since) for camera in found]


async def test_the_one_whose_habit_is_broken_is_named(ledger: Ledger) -> None:
    often, seldom, new = [await ledger.camera() for _ in range(3)]
    await send(ledger, often, 30, every=MINUTE)
    await send(ledger, seldom, 30, every=60 * MINUTE)
    await send(ledger, new, 19, every=MINUTE)
    assert await silent(ledger, NOON + 10 * MINUTE) == []
    assert await silent(ledger, NOON + 11 * MINUTE) == [(often, NOON)]
    assert await silent(ledger, NOON + 11 * MINUTE, seldom) == []
    assert await silent(ledger, NOON + 181 * MINUTE) == [(often, NOON), (seldom, NOON)]
    await send(ledger, often, 1, every=MINUTE, until=NOON + 12 * MINUTE)
    assert await silent(ledger, NOON + 13 * MINUTE) == []


async def test_a_deleted_camera_is_not_silent(ledger: Ledger) -> None:
    camera = await ledger.camera()
    await send(ledger, camera, 30, every=MINUTE)
    await ledger.change("UPDATE cameras SET deleted_at = :now", now=NOON)
    assert await silent(ledger, NOON + DAY) == []


async def test_who_slept_at_these_hours_yesterday_may_sleep(ledger: Ledger) -> None:
    """Pictures every minute up to noon, yesterday and today, and none after noon yesterday."""
    camera = await ledger.camera()
    await send(ledger, camera, 300, every=MINUTE, until=NOON - DAY)
    await send(ledger, camera, 300, every=MINUTE)
    assert await silent(ledger, NOON + 180 * MINUTE) == []
    assert await silent(ledger, NOON + DAY) == [(camera, NOON)]


async def test_who_was_awake_at_these_hours_yesterday_is_silent(ledger: Ledger) -> None:
    camera = await ledger.camera()
    await send(ledger, camera, 300, every=MINUTE, until=NOON - DAY + 30 * MINUTE)
    await send(ledger, camera, 300, every=MINUTE)
    assert await silent(ledger, NOON + 180 * MINUTE) == [(camera, NOON)]


async def test_it_costs_steps_into_indexes_however_much_there_is(
    ledger: Ledger,
) -> None:
    await ledger.vacuum("frames")
    cameras = [await ledger.camera() for _ in range(5)]
    for camera in cameras:
        await send(ledger, camera, 4000, every=MINUTE)
    await ledger.vacuum("frames")
    assert await buffers(ledger, NOON + MINUTE) < 5 * 8
    assert await buffers(ledger, NOON + DAY) < 5 * 300


async def buffers(ledger: Ledger, now: datetime) -> int:
    """How many pages the statement touches."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    async with ledger.database.transaction() as session:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            await silent_cameras(session, now=now)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        ((statement, values),) = asked
        connection = await session.connection()
        plan = await connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values
        )
        told = plan.scalar()
    (whole,) = told if isinstance(told, list) else orjson.loads(str(told))
    return int(whole["Plan"]["Shared Hit Blocks"] + whole["Plan"]["Shared Read Blocks"])
