"""What lies between the pictures of a camera, for `domain.silence`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.silence import DAY, SAMPLE, SOONEST, Habit


@dataclass(frozen=True, slots=True)
class QuietCamera:
    """A camera from which nothing came for a while, and its habit."""

    id: int
    slug: str
    habit: Habit


async def quiet_cameras(
    session: AsyncSession, *, now: datetime, camera_ids: Collection[int] | None = None
) -> list[QuietCamera]:
    """The cameras from which no picture came for as long as none is silent sooner.

    Of all that are not deleted, or of these only. One step into an index for each camera, and 200
    for one that is quiet.
    """
    rows = await session.execute(
        text(
            """
            SELECT c.id, c.slug, s.captured, s.last_received_at,
                EXISTS (SELECT FROM frames
                    WHERE camera_id = c.id AND captured_at < s.a_day_before)
                AND NOT EXISTS (SELECT FROM frames
                    WHERE camera_id = c.id AND captured_at > s.a_day_before AND captured_at <=
                        s.a_day_before + (CAST(:now AS timestamptz) - s.last_received_at)
                ) AS slept_yesterday
            FROM cameras c CROSS JOIN LATERAL (
                SELECT received_at FROM frames WHERE camera_id = c.id
                ORDER BY captured_at DESC, id DESC LIMIT 1
            ) newest CROSS JOIN LATERAL (
                SELECT array_agg(captured_at) AS captured, max(received_at) AS last_received_at,
                    max(captured_at) - CAST(:day AS interval) AS a_day_before
                FROM (SELECT captured_at, received_at FROM frames WHERE camera_id = c.id
                    ORDER BY captured_at DESC, id DESC LIMIT :sample) last
            ) s
            WHERE c.deleted_at IS NULL AND newest.received_at < :quiet_since
            AND (CAST(:ids AS int[]) IS NULL OR c.id = ANY(CAST(:ids AS int[])))
            ORDER BY s.last_received_at, c.id
            """
        ),
        {
            "now": now,
            "day": DAY,
            "quiet_since": now - SOONEST,
            "sample": SAMPLE,
            "ids": None if camera_ids is None else list(camera_ids),
        },
    )
    return [
        QuietCamera(
            row.id, row.slug, Habit(row.captured, row.last_received_at, row.slept_yesterday)
        )
        for row in rows
    ]
