"""What there is of a camera around a moment, in capture time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.services.stores.rows import Record, record, records


@dataclass(frozen=True, slots=True)
class Around:
    """A camera, and a time from `since` to `until`, both included."""

    camera_id: int
    since: datetime
    until: datetime

    @property
    def values(self) -> dict[str, Any]:
        """For the statements below."""
        return {"camera_id": self.camera_id, "since": self.since, "until": self.until}


_WITHIN = "camera_id = :camera_id AND captured_at BETWEEN :since AND :until"


async def fates(session: AsyncSession, around: Around) -> list[Record]:
    """What became of the frames, the commonest first.

    Each with `state`, `reason`, `detector`, its `remark`, how many `frames`, and how many of those
    are `suspect`: their capture time cannot be relied on.
    """
    rows = await session.execute(
        text(
            f"""
            SELECT state, reason, detector, remarks ->> 'detector' AS remark, count(*) AS frames,
                count(*) FILTER (WHERE clock_suspect) AS suspect
            FROM frames WHERE {_WITHIN} GROUP BY 1, 2, 3, 4 ORDER BY frames DESC, 1, 2, 3, 4
            """
        ),
        around.values,
    )
    return records(rows)


async def dropped(session: AsyncSession, around: Around) -> list[Record]:
    """What was found and not kept: by `reason`, how many `things`, in how many `frames`."""
    rows = await session.execute(
        text(
            f"""
            SELECT key AS reason, CAST(sum(CAST(value AS bigint)) AS bigint) AS things,
                count(*) AS frames
            FROM frames CROSS JOIN LATERAL jsonb_each_text(remarks -> 'dropped')
            WHERE {_WITHIN} AND jsonb_typeof(remarks -> 'dropped') = 'object'
            GROUP BY key ORDER BY things DESC, key
            """
        ),
        around.values,
    )
    return records(rows)


async def last_before(session: AsyncSession, around: Around) -> Record | None:
    """The last frame before that time: `id`, `captured_at`, `state`."""
    rows = await session.execute(
        text(
            "SELECT id, captured_at, state FROM frames WHERE camera_id = :camera_id "
            "AND captured_at < :since ORDER BY captured_at DESC, id DESC LIMIT 1"
        ),
        {"camera_id": around.camera_id, "since": around.since},
    )
    return record(rows)


async def first_after(session: AsyncSession, around: Around) -> Record | None:
    """The first frame after that time, as `last_before`."""
    rows = await session.execute(
        text(
            "SELECT id, captured_at, state FROM frames WHERE camera_id = :camera_id "
            "AND captured_at > :until ORDER BY captured_at, id LIMIT 1"
        ),
        {"camera_id": around.camera_id, "until": around.until},
    )
    return record(rows)


async def nearest(session: AsyncSession, around: Around, at: datetime, *, limit: int) -> list[int]:
    """The ids of the frames taken nearest to a moment of that time, in capture order."""
    rows = await session.scalars(
        text(
            f"""
            SELECT id FROM (
                (SELECT id, captured_at FROM frames WHERE {_WITHIN} AND captured_at <= :at
                    ORDER BY captured_at DESC, id DESC LIMIT :limit)
                UNION ALL
                (SELECT id, captured_at FROM frames WHERE {_WITHIN} AND captured_at > :at
                    ORDER BY captured_at, id LIMIT :limit)
                ORDER BY 2, 1
            ) AS near
            ORDER BY abs(extract(epoch FROM captured_at - :at)), id LIMIT :limit
            """
        ),
        around.values | {"at": at, "limit": limit},
    )
    return list(rows)


async def events(session: AsyncSession, around: Around) -> list[int]:
    """The ids of the camera's events at that time, the earliest first."""
    rows = await session.scalars(
        text(
            "SELECT id FROM events "
            "WHERE int4range(camera_id, camera_id, '[]') && "
            "int4range(:camera_id, :camera_id, '[]') "
            "AND tstzrange(first_at, last_at, '[]') && tstzrange(:since, :until, '[]') "
            "ORDER BY first_at, id"
        ),
        around.values,
    )
    return list(rows)


async def quarantined(
    session: AsyncSession, folder: str, around: Around, *, limit: int
) -> list[Record]:
    """Files of a camera's folder in quarantine that were written, or first seen, at that time."""
    rows = await session.execute(
        text(
            """
            SELECT id, path, code, reason, size, first_seen_at, last_seen_at, released_at
            FROM quarantined_files WHERE released_at IS NULL
            AND starts_with(path, :folder || '/')
            AND (first_seen_at BETWEEN :since AND :until OR mtime_ns BETWEEN
                CAST(extract(epoch FROM CAST(:since AS timestamptz)) * 1000000000 AS bigint) AND
                CAST(extract(epoch FROM CAST(:until AS timestamptz)) * 1000000000 AS bigint))
            ORDER BY first_seen_at, id LIMIT :limit
            """
        ),
        {"folder": folder, "since": around.since, "until": around.until, "limit": limit},
    )
    return records(rows)
