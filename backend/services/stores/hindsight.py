"""What was seen at a camera lately, for asking what a suppression would have hidden of it."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.boxes import Box
from backend.services.stores.rows import Record, records
from backend.services.stores.surroundings import Around


@dataclass(frozen=True, slots=True)
class Lately:
    """Events, the latest first; `complete`: there are no more of that time."""

    events: list[Record]
    complete: bool


async def events_within(
    session: AsyncSession, around: Around, *, events: int, detections: int
) -> Lately:
    """A camera's events of that time, at most so many, until they have so many detections together.

    Each with `id`, `first_at`, `last_at`, `summary`, `score`, `detections`.
    """
    rows = await session.execute(
        text(
            """
            SELECT * FROM (
                SELECT *, sum(detections) OVER (ORDER BY first_at DESC, id DESC) AS upto
                FROM (
                    SELECT id, first_at, last_at, summary, score, detections FROM events
                    WHERE int4range(camera_id, camera_id, '[]')
                        && int4range(:camera_id, :camera_id, '[]')
                    AND tstzrange(first_at, last_at, '[]') && tstzrange(:since, :until, '[]')
                    ORDER BY first_at DESC, id DESC LIMIT :more
                ) AS late
            ) AS counted ORDER BY first_at DESC, id DESC
            """
        ),
        {**around.values, "more": events + 1},
    )
    found = records(rows)
    kept = [row for row in found[:events] if row["upto"] - row["detections"] < detections]
    return Lately(kept, complete=len(kept) == len(found))


async def near(
    session: AsyncSession, event_ids: Collection[int], classes: Collection[str], box: Box
) -> list[Record]:
    """Detections of these events and classes whose boxes touch a box, each with its track's print.

    `event_id`, `class_name`, `x`, `y`, `width`, `height`, `print` (empty where there is none).
    """
    rows = await session.execute(
        text(
            """
            SELECT d.event_id, d.class_name, d.x, d.y, d.width, d.height,
                coalesce(t.print, '') AS print
            FROM detections d LEFT JOIN tracks t ON t.id = d.track_id
            WHERE d.event_id = ANY(CAST(:event_ids AS bigint[]))
            AND d.class_name = ANY(CAST(:classes AS text[]))
            AND d.x <= :right AND d.x + d.width >= :left
            AND d.y <= :bottom AND d.y + d.height >= :top
            """
        ),
        {
            "event_ids": list(event_ids),
            "classes": list(classes),
            "left": box.x,
            "right": box.x + box.width,
            "top": box.y,
            "bottom": box.y + box.height,
        },
    )
    return records(rows)
