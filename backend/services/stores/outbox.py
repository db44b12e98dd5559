"""The outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.services.stores.rows import Record, records
from backend.services.topics import Message

_RELAY_LOCK = 7_301_003  # the key of the advisory lock; any number that nobody else uses


async def put(session: AsyncSession, messages: Sequence[Message], *, now: datetime) -> None:
    """Write messages, to be sent once this transaction is committed."""
    if not messages:
        return
    await session.execute(
        text(
            """
            INSERT INTO outbox (written_at, camera_id, event_id, kind, payload)
            SELECT :now, m.camera_id, m.event_id, m.kind, CAST(m.payload AS jsonb)
            FROM unnest(CAST(:camera_ids AS int[]), CAST(:event_ids AS bigint[]),
                CAST(:kinds AS text[]), CAST(:payloads AS text[])) WITH ORDINALITY
                AS m (camera_id, event_id, kind, payload, position)
            ORDER BY m.position
            """
        ),
        {
            "now": now,
            "camera_ids": [m.camera_id for m in messages],
            "event_ids": [m.event_id for m in messages],
            "kinds": [m.kind for m in messages],
            "payloads": [orjson.dumps(dict(m.payload)).decode() for m in messages],
        },
    )


async def number_new(session: AsyncSession) -> range | None:
    """Number the messages that are committed and have no number; the numbers, if any were.

    One transaction at a time does it, so that the numbers have no gaps and a reader who has seen
    one number has seen all before it.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _RELAY_LOCK})
    rows = await session.execute(
        text(
            """
            WITH counter AS (SELECT last_number FROM outbox_counter WHERE id = 1),
            fresh AS (
                SELECT id, row_number() OVER (ORDER BY id) AS position
                FROM outbox WHERE number IS NULL
            ),
            numbered AS (
                UPDATE outbox o SET number = counter.last_number + fresh.position
                FROM fresh, counter WHERE o.id = fresh.id RETURNING o.number
            )
            UPDATE outbox_counter SET last_number = n.last
            FROM (SELECT min(number) AS first, max(number) AS last FROM numbered) AS n
            WHERE id = 1 AND n.last IS NOT NULL RETURNING n.first, n.last
            """
        )
    )
    row = rows.one_or_none()
    return None if row is None else range(row.first, row.last + 1)


async def note_told(session: AsyncSession, numbers: range, *, now: datetime) -> list[int]:
    """Remember when events were first told of: those whose opening has one of these new numbers.

    Those that somebody is at are left out, and are what is returned: whoever has numbered messages
    must wait for nobody who may come to wait for the numbers.
    """
    rows = await session.scalars(
        text(
            """
            WITH opened AS (
                SELECT event_id AS id FROM outbox
                WHERE number BETWEEN :first AND :last AND kind = 'event.opened'
            ), free AS (
                SELECT id FROM events WHERE id IN (SELECT id FROM opened) AND told_at IS NULL
                ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
            ), told AS (
                UPDATE events e SET told_at = :now FROM free WHERE e.id = free.id
            )
            SELECT e.id FROM events e JOIN opened USING (id)
            WHERE e.told_at IS NULL AND e.id NOT IN (SELECT id FROM free) ORDER BY e.id
            """
        ),
        {"first": numbers[0], "last": numbers[-1], "now": now},
    )
    return list(rows)


async def told_and_not_noted(session: AsyncSession) -> list[int]:
    """Events whose opening has a number, and of which nobody noted when; reads the whole outbox."""
    rows = await session.scalars(
        text(
            "SELECT e.id FROM outbox o JOIN events e ON e.id = o.event_id "
            "WHERE o.kind = 'event.opened' AND o.number IS NOT NULL AND e.told_at IS NULL "
            "ORDER BY e.id"
        )
    )
    return list(rows)


async def last_number(session: AsyncSession) -> int:
    """The last number that was given."""
    return int(await session.scalar(text("SELECT last_number FROM outbox_counter")) or 0)


async def first_number(session: AsyncSession) -> int | None:
    """The lowest number that is still kept."""
    found: int | None = await session.scalar(text("SELECT min(number) FROM outbox"))
    return found


async def after(session: AsyncSession, number: int, *, limit: int) -> list[Record]:
    """The messages that follow a number, in order: `number`, `kind`, `camera_id`, `payload`."""
    rows = await session.execute(
        text(
            "SELECT number, kind, camera_id, event_id, payload FROM outbox "
            "WHERE number > :number ORDER BY number LIMIT :limit"
        ),
        {"number": number, "limit": limit},
    )
    return records(rows)


async def forget(session: AsyncSession, *, before: datetime) -> int:
    """Drop what was sent before a moment; how many.

    Only from the lowest number up: after a clock was put back, times do not follow the numbers,
    and a gap in the middle would be missed by a reader who resumes.
    """
    rows = await session.execute(
        text(
            "DELETE FROM outbox WHERE number < coalesce((SELECT min(number) FROM outbox "
            "WHERE written_at >= :before), 9223372036854775807) RETURNING id"
        ),
        {"before": before},
    )
    return len(rows.all())


def as_live(row: Mapping[str, Any]) -> dict[str, Any]:
    """A message as a WebSocket client gets it."""
    return {"type": row["kind"], "number": row["number"], **row["payload"]}
