"""What is known of a camera before its frames are looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.drawings import Drawings
from backend.domain.events import Span
from backend.domain.following import ABOUT
from backend.domain.suppressions import Suppression
from backend.domain.tracks import Track
from backend.services.stores import drawings, tracks
from backend.services.stores.rows import records
from backend.services.stores.suppressions import suppression_of


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The detector's memory of a camera, its tracks by id, what people drew on its picture and
    what they said does not count. `looked_at` is when the frame before was taken that was looked
    at, if that was minutes ago; `time_zone` is None where it has none of its own."""

    memory: bytes | None = None
    tracks: Mapping[int, Track] = field(default_factory=dict)
    drawings: Drawings = field(default_factory=Drawings)
    suppressions: tuple[Suppression, ...] = ()
    looked_at: datetime | None = None
    time_zone: str | None = None


async def recall(
    session: AsyncSession, camera_id: int, span: Span, *, detector: str, now: datetime
) -> Knowledge:
    """What bears on frames of a camera that were taken within a span."""
    rows = await session.execute(
        text(
            f"""
            SELECT c.time_zone, m.memory, {drawings.COLUMNS},
                (SELECT captured_at FROM frames WHERE camera_id = :camera_id
                    AND captured_at < :first AND captured_at >= :lately
                    AND state IN ('attached', 'empty')
                    ORDER BY captured_at DESC LIMIT 1) AS looked_at,
                coalesce((SELECT jsonb_agg(to_jsonb(s) ORDER BY s.id) FROM suppressions s
                    WHERE s.camera_id = :camera_id AND s.undone_at IS NULL
                    AND s.ends_at > :now), '[]') AS suppressions
            FROM cameras c
            LEFT JOIN detector_memories m ON m.camera_id = c.id AND m.detector = :detector
            WHERE c.id = :camera_id
            """
        ),
        {
            "camera_id": camera_id,
            "detector": detector,
            "now": now,
            "first": span.first,
            "lately": span.first - ABOUT,
        },
    )
    (row,) = records(rows)
    return Knowledge(
        memory=row["memory"],
        tracks=await tracks.near(session, camera_id, span),
        drawings=drawings.from_row(row),
        suppressions=tuple(map(suppression_of, row["suppressions"])),
        looked_at=row["looked_at"],
        time_zone=row["time_zone"],
    )
