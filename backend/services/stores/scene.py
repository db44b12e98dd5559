"""What belongs to a camera's scene, as people see it and speak of it."""

from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.services.stores.rows import Record, record, records

Standing = Literal["scene", "left", "watched"]
"""What stands there, what left and is remembered, and what was said to be no scene."""

# A worker may have settled what was watched meanwhile; it will see that when it reads it next.
_WHERE: dict[Standing, str] = {
    "scene": "state = 'scene' AND NOT watched",
    "left": "state = 'left'",
    "watched": "watched AND state <> 'ended'",
}
_SHOWN = """
    id, camera_id, CASE WHEN watched AND state = 'scene' THEN 'live' ELSE state END AS state,
    class_name, rest, first_at, still_since, last_at, sightings, watched
"""


async def page(
    session: AsyncSession, camera_id: int, standing: Standing, *, after: int, limit: int
) -> list[Record]:
    """Tracks by id, from the first with a higher id than `after`."""
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM tracks WHERE camera_id = :camera_id AND state <> 'ended' "
            f"AND id > :after AND {_WHERE[standing]} ORDER BY id LIMIT :limit"
        ),
        {"camera_id": camera_id, "after": after, "limit": limit},
    )
    return records(rows)


async def watch(
    session: AsyncSession, camera_id: int, track_id: int, *, watched: bool
) -> Record | None:
    """Say that a track of a camera is never scene, or take it back; the track, as `page` has it.

    None where the camera has no such track, or it is over.
    """
    rows = await session.execute(
        text(
            "UPDATE tracks SET watched = :watched, "
            "state = CASE WHEN :watched AND state = 'scene' THEN 'live' ELSE state END "
            "WHERE id = :id AND camera_id = :camera_id AND state <> 'ended' "
            f"RETURNING {_SHOWN}"
        ),
        {"id": track_id, "camera_id": camera_id, "watched": watched},
    )
    return record(rows)
