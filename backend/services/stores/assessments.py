"""Assessments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.risk import Judgement
from backend.services.stores.rows import Record, records


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement of an event, who made it, and what it knew."""

    event_id: int
    upto_detection_id: int
    judgement: Judgement
    judged_by: str
    version: str
    time_zone: str


def factors_as_json(judgement: Judgement) -> list[dict[str, Any]]:
    """The factors, as they are stored and shown."""
    return [
        {"name": factor.name, "points": factor.points, "evidence": dict(factor.evidence)}
        for factor in judgement.factors
    ]


async def add(session: AsyncSession, judged: Judged, *, now: datetime) -> Record:
    """Store an assessment under the event's next number, and return it as `of_event` does.

    The camera's row must be locked: it keeps the numbers apart.
    """
    rows = await session.execute(
        text(
            f"""
            INSERT INTO assessments (event_id, number, upto_detection_id, judged_at, judged_by,
                version, time_zone, score, factors, summary)
            VALUES (:event_id,
                (SELECT coalesce(max(number), 0) + 1 FROM assessments WHERE event_id = :event_id),
                :upto, :now, :judged_by, :version, :time_zone, :score,
                CAST(:factors AS jsonb), :summary)
            RETURNING {_SHOWN}
            """
        ),
        {
            "event_id": judged.event_id,
            "upto": judged.upto_detection_id,
            "now": now,
            "judged_by": judged.judged_by,
            "version": judged.version,
            "time_zone": judged.time_zone,
            "score": judged.judgement.score,
            "factors": orjson.dumps(factors_as_json(judged.judgement)).decode(),
            "summary": judged.judgement.summary,
        },
    )
    return records(rows)[0]


async def first_with_frame(session: AsyncSession, event_id: int, frame_id: int) -> datetime | None:
    """When an event was first judged with what one of its frames shows."""
    found: datetime | None = await session.scalar(
        text(
            "SELECT min(judged_at) FROM assessments WHERE event_id = :event_id AND "
            "upto_detection_id >= (SELECT max(id) FROM detections WHERE frame_id = :frame_id)"
        ),
        {"event_id": event_id, "frame_id": frame_id},
    )
    return found


_SHOWN = """
    id, event_id, number, upto_detection_id, judged_at, judged_by, version, time_zone, score,
    factors, summary
"""


async def of_event(
    session: AsyncSession, event_id: int, *, before: int | None, limit: int
) -> list[Record]:
    """An event's assessments, the current one first."""
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM assessments WHERE event_id = :event_id "
            "AND (CAST(:before AS int) IS NULL OR number < :before) "
            "ORDER BY number DESC LIMIT :limit"
        ),
        {"event_id": event_id, "before": before, "limit": limit},
    )
    return records(rows)
