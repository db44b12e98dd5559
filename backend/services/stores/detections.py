"""Detections."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from struct import Struct
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.boxes import Box, Detection
from backend.domain.signs import NO_SIGNS, Crossed, InZone, Signs
from backend.services.stores.rows import Record, record, records


@dataclass(frozen=True, slots=True)
class FoundIn:
    """A detection, the frame that shows it, and the event that it belongs to."""

    frame_id: int
    event_id: int
    detection: Detection


def as_stored(detection: Detection) -> Detection:
    """A detection as it will be read again: its confidence is stored in single precision."""
    return replace(detection, confidence=_SINGLE.unpack(_SINGLE.pack(detection.confidence))[0])


_SINGLE = Struct("f")


async def add(session: AsyncSession, found: Sequence[FoundIn]) -> dict[int, int]:
    """Store detections; the highest id that each event got."""
    rows = await session.execute(
        text(
            """
            WITH added AS (
                INSERT INTO detections (frame_id, event_id, track_id, class_name, confidence,
                    x, y, width, height, alternatives, signs, enrichment)
                SELECT frame_id, event_id, track_id, class_name, confidence, x, y, width, height,
                    CAST(alternatives AS jsonb), CAST(signs AS jsonb), CAST(enrichment AS jsonb)
                FROM unnest(
                    CAST(:frame_ids AS bigint[]), CAST(:event_ids AS bigint[]),
                    CAST(:track_ids AS bigint[]), CAST(:classes AS text[]),
                    CAST(:confidences AS real[]),
                    CAST(:xs AS real[]), CAST(:ys AS real[]),
                    CAST(:widths AS real[]), CAST(:heights AS real[]), CAST(:others AS text[]),
                    CAST(:signs AS text[]), CAST(:enrichments AS text[])
                ) AS f (frame_id, event_id, track_id, class_name, confidence, x, y, width, height,
                    alternatives, signs, enrichment)
                RETURNING id, event_id
            )
            SELECT event_id, max(id) AS last_id FROM added GROUP BY event_id
            """
        ),
        {
            "frame_ids": [f.frame_id for f in found],
            "event_ids": [f.event_id for f in found],
            "track_ids": [f.detection.track_id for f in found],
            "classes": [f.detection.class_name for f in found],
            "confidences": [f.detection.confidence for f in found],
            "xs": [f.detection.box.x for f in found],
            "ys": [f.detection.box.y for f in found],
            "widths": [f.detection.box.width for f in found],
            "heights": [f.detection.box.height for f in found],
            "others": [_json(dict(f.detection.alternatives)) for f in found],
            "signs": [_json(signs_as_json(f.detection.signs)) for f in found],
            "enrichments": [_json(dict(f.detection.enrichment)) for f in found],
        },
    )
    return {row.event_id: row.last_id for row in rows}


def _json(members: dict[str, Any]) -> str | None:
    return orjson.dumps(members).decode() if members else None


def signs_as_json(signs: Signs) -> dict[str, Any]:
    """What a detection's signs say, without what they do not say."""
    return {
        name: value for name, value in asdict(signs).items() if value != getattr(NO_SIGNS, name)
    }


def detection_from_row(row: Record) -> Detection:
    """A detection with its signs, from its row; without what else it might be."""
    box = Box(row["x"], row["y"], row["width"], row["height"])
    return Detection(
        row["class_name"],
        row["confidence"],
        box,
        track_id=row["track_id"],
        signs=_signs_from_json(row["signs"] or {}),
    )


def _signs_from_json(members: Mapping[str, Any]) -> Signs:
    lists = {
        "zones": tuple(InZone(**zone) for zone in members.get("zones", ())),
        "left": tuple(members.get("left", ())),
        "crossed": tuple(Crossed(**one) for one in members.get("crossed", ())),
    }
    return Signs(**{**members, **lists})


_SHOWN = """
    d.id, d.frame_id, d.event_id, c.slug AS camera, f.captured_at, d.class_name, d.confidence,
    d.x, d.y, d.width, d.height, d.alternatives, d.track_id, d.signs, d.enrichment
"""
_FROM = "detections d JOIN frames f ON f.id = d.frame_id JOIN cameras c ON c.id = f.camera_id"


async def shown(session: AsyncSession, detection_id: int) -> Record | None:
    """One detection, as the API shows it."""
    rows = await session.execute(
        text(f"SELECT {_SHOWN} FROM {_FROM} WHERE d.id = :id"), {"id": detection_id}
    )
    return record(rows)


async def page(
    session: AsyncSession,
    *,
    before: int | None,
    limit: int,
    event_id: int | None = None,
    camera: str | None = None,
    class_name: str | None = None,
) -> list[Record]:
    """Detections, the newest first."""
    where, values = ["true"], dict[str, Any](limit=limit)
    for column, comparison, value in (
        ("d.id", "<", before),
        ("d.event_id", "=", event_id),
        ("c.slug", "=", camera),
        ("d.class_name", "=", class_name),
    ):
        if value is not None:
            where.append(f"{column} {comparison} :{column[2:]}")
            values[column[2:]] = value
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM {_FROM} WHERE {' AND '.join(where)} "
            "ORDER BY d.id DESC LIMIT :limit"
        ),
        values,
    )
    return records(rows)


async def of_frame(session: AsyncSession, frame_id: int) -> list[Record]:
    """What one frame shows."""
    rows = await session.execute(
        text(f"SELECT {_SHOWN} FROM {_FROM} WHERE d.frame_id = :id ORDER BY d.id"),
        {"id": frame_id},
    )
    return records(rows)


async def of_event_upto(session: AsyncSession, event_id: int, detection_id: int) -> list[Record]:
    """What an assessment knew: an event's detections up to one, by frame."""
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM {_FROM} WHERE d.event_id = :event_id AND d.id <= :upto "
            "ORDER BY f.id, d.id"
        ),
        {"event_id": event_id, "upto": detection_id},
    )
    return records(rows)
