"""Events."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.doings import Crossings, Did, Doings, Place, Stayed
from backend.domain.events import Span
from backend.domain.risk import Facts, Seen
from backend.services.stores.rows import Record, record, records


def facts_as_json(facts: Facts) -> dict[str, Any]:
    """What is kept of an event's facts beside its own columns."""
    doings = facts.doings
    kept = {
        "seen": _as_json(facts.seen),
        "did": _as_json(doings.by_class),
        "zones": _as_json(doings.zones),
        "lines": _as_json(doings.lines),
        "place": None if doings.place is None else [doings.place.weight, doings.place.zone],
    }
    return {name: value for name, value in kept.items() if value or name == "seen"}


def _as_json(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asdict(value) for name, value in members.items()}


def facts_from_row(row: Mapping[str, Any]) -> Facts:
    """An event's facts, from its row."""
    kept = row["facts"]
    place = kept.get("place")
    doings = Doings(
        {name: Did(**values) for name, values in kept.get("did", {}).items()},
        {name: Stayed(**values) for name, values in kept.get("zones", {}).items()},
        {name: Crossings(**values) for name, values in kept.get("lines", {}).items()},
        None if place is None else Place(*place),
    )
    seen = {name: Seen(**values) for name, values in kept["seen"].items()}
    return Facts(row["first_at"], row["last_at"], row["frames"], seen, doings)


@dataclass(frozen=True, slots=True)
class EventNear:
    """An event that may take a further detection."""

    id: int
    span: Span
    facts: Facts
    detections: int
    cover_frame_id: int | None


async def near(
    session: AsyncSession, camera_id: int, span: Span, idle: timedelta
) -> list[EventNear]:
    """A camera's events that lie within `idle` of a span, the earliest first."""
    rows = await session.execute(
        text(
            "SELECT id, first_at, last_at, facts, frames, detections, cover_frame_id "
            "FROM events "
            "WHERE int4range(camera_id, camera_id, '[]') && int4range(:camera, :camera, '[]') "
            "AND tstzrange(first_at, last_at, '[]') && tstzrange(:first, :last, '[]') "
            "ORDER BY first_at"
        ),
        {"camera": camera_id, "first": span.first - idle, "last": span.last + idle},
    )
    return [
        EventNear(
            id=row["id"],
            span=Span(row["first_at"], row["last_at"]),
            facts=facts_from_row(row),
            detections=row["detections"],
            cover_frame_id=row["cover_frame_id"],
        )
        for row in records(rows)
    ]


@dataclass(frozen=True, slots=True)
class EventChange:
    """All of an event that changes with a further detection."""

    facts: Facts
    detections: int
    score: int
    summary: str
    cover_frame_id: int | None
    detector: str

    def values(self, now: datetime) -> dict[str, Any]:
        """The columns, by name."""
        return {
            "first_at": self.facts.first,
            "last_at": self.facts.last,
            "frames": self.facts.frames,
            "facts": orjson.dumps(facts_as_json(self.facts)).decode(),
            "classes": sorted(self.facts.seen),
            "zones": sorted(self.facts.doings.zones),
            "detections": self.detections,
            "score": self.score,
            "summary": self.summary,
            "cover_frame_id": self.cover_frame_id,
            "detector": self.detector,
            "now": now,
        }


async def open_event(
    session: AsyncSession,
    camera_id: int,
    change: EventChange,
    *,
    continues: int | None,
    now: datetime,
) -> int:
    """Add an event; its id. `continues` is the id of the event that it goes on from."""
    event_id: int = (
        await session.execute(
            text(
                """
                INSERT INTO events (camera_id, continues_event_id, cover_frame_id, first_at,
                    last_at, opened_at, attached_at, detections, frames, score, state, detector,
                    summary, classes, zones, facts)
                VALUES (:camera_id, :continues, :cover_frame_id, :first_at, :last_at,
                    :now, :now, :detections, :frames, :score, 'open', :detector, :summary,
                    CAST(:classes AS text[]), CAST(:zones AS text[]), CAST(:facts AS jsonb))
                RETURNING id
                """
            ),
            change.values(now) | {"camera_id": camera_id, "continues": continues},
        )
    ).scalar_one()
    return event_id


async def widen(
    session: AsyncSession, event_id: int, change: EventChange, *, now: datetime
) -> None:
    """Change an event; one that was closed is open again. What it continues stays as it is."""
    await session.execute(
        text(
            """
            UPDATE events SET cover_frame_id = :cover_frame_id,
                first_at = :first_at, last_at = :last_at, attached_at = :now,
                detections = :detections, frames = :frames, score = :score, summary = :summary,
                detector = :detector, state = 'open', closed_at = NULL,
                classes = CAST(:classes AS text[]), zones = CAST(:zones AS text[]),
                facts = CAST(:facts AS jsonb)
            WHERE id = :id
            """
        ),
        change.values(now) | {"id": event_id},
    )


async def set_continues(session: AsyncSession, event_id: int, earlier_id: int) -> None:
    """Say that an event continues an earlier one, where it continues none yet."""
    await session.execute(
        text(
            "UPDATE events SET continues_event_id = :earlier "
            "WHERE id = :id AND continues_event_id IS NULL"
        ),
        {"id": event_id, "earlier": earlier_id},
    )


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """An open event: when something was last attached to it, whether a later event of its camera
    follows it, and whether frames of its camera wait."""

    id: int
    attached_at: datetime
    is_followed: bool
    may_grow: bool


async def lock_open(session: AsyncSession) -> list[OpenEvent]:
    """The open events, locked until the end of the transaction.

    Without those that somebody is at: what is about to grow is not over.
    """
    rows = await session.execute(
        text(
            """
            SELECT e.id, e.attached_at,
                EXISTS (SELECT 1 FROM events l WHERE l.camera_id = e.camera_id
                    AND l.first_at > e.last_at) AS is_followed,
                EXISTS (SELECT 1 FROM frames f WHERE f.camera_id = e.camera_id
                    AND f.state = 'received') AS may_grow
            FROM events e WHERE e.state = 'open' ORDER BY e.id FOR NO KEY UPDATE SKIP LOCKED
            """
        )
    )
    return [OpenEvent(**row) for row in rows.mappings()]


async def close(session: AsyncSession, ids: Sequence[int], *, now: datetime) -> list[Record]:
    """Close events, and return them as `shown` does."""
    await session.execute(
        text(
            "UPDATE events SET state = 'closed', closed_at = :now "
            "WHERE id = ANY(CAST(:ids AS bigint[]))"
        ),
        {"ids": list(ids), "now": now},
    )
    return await shown_many(session, ids)


async def was_told(session: AsyncSession, event_id: int, *, now: datetime) -> None:
    """Remember when an event was first told of, where that is not known yet."""
    await session.execute(
        text("UPDATE events SET told_at = :now WHERE id = :id AND told_at IS NULL"),
        {"id": event_id, "now": now},
    )


async def times(session: AsyncSession, event_id: int) -> Record | None:
    """How an event came about: the frame that opened it, its times, and what followed.

    `frame_id`, `completed_at`, `received_at`, `claimed_at`, `finished_at`, `assessed_at`, `told_at`
    and `closed_at`; any of them may be unknown.
    """
    rows = await session.execute(
        text(
            """
            SELECT f.id AS frame_id, f.completed_at, f.received_at, f.claimed_at, f.finished_at,
                a.judged_at AS assessed_at, e.told_at, e.closed_at
            FROM events e
            LEFT JOIN LATERAL (SELECT frame_id FROM detections WHERE event_id = e.id
                ORDER BY id LIMIT 1) AS d ON true
            LEFT JOIN frames f ON f.id = d.frame_id
            LEFT JOIN assessments a ON a.event_id = e.id AND a.number = 1
            WHERE e.id = :id
            """
        ),
        {"id": event_id},
    )
    return record(rows)


_SHOWN = """
    e.id, e.camera_id, c.slug AS camera, c.name AS camera_name, e.continues_event_id, e.state,
    e.first_at, e.last_at, e.opened_at, e.attached_at, e.closed_at, e.reviewed_at, e.notes,
    e.score, e.summary, e.classes, e.zones, e.detections, e.frames, e.detector, e.cover_frame_id
"""


async def shown_many(session: AsyncSession, ids: Sequence[int]) -> list[Record]:
    """Some events, as the API and the live messages show them."""
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM events e JOIN cameras c ON c.id = e.camera_id "
            "WHERE e.id = ANY(CAST(:ids AS bigint[])) ORDER BY e.id"
        ),
        {"ids": list(ids)},
    )
    return records(rows)


async def shown(session: AsyncSession, event_id: int) -> Record | None:
    """One event, as the API shows it."""
    rows = await shown_many(session, [event_id])
    return rows[0] if rows else None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events a list is to hold; None holds all. `scores` is a range, both ends included."""

    camera: str | None = None
    scores: tuple[int, int] | None = None
    class_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    reviewed: bool | None = None
    state: str | None = None

    def where(self) -> tuple[list[str], dict[str, Any]]:
        """The conditions but for `until`, and their values."""
        lowest, highest = self.scores or (None, None)
        wanted: list[tuple[str, str, Any]] = [
            ("c.slug = :camera", "camera", self.camera),
            ("e.score >= :lowest", "lowest", lowest),
            ("e.score <= :highest", "highest", highest),
            ("e.classes @> ARRAY[CAST(:class_name AS text)]", "class_name", self.class_name),
            ("e.last_at >= :since", "since", self.since),
            ("(e.reviewed_at IS NOT NULL) = :reviewed", "reviewed", self.reviewed),
            ("e.state = :state", "state", self.state),
        ]
        used = [(condition, key, value) for condition, key, value in wanted if value is not None]
        return [condition for condition, _, _ in used], {key: value for _, key, value in used}


async def page(
    session: AsyncSession,
    wanted: EventFilter,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
) -> list[Record]:
    """Events, the latest begin first."""
    where, values = wanted.where()
    # One upper bound: of two, the index may be entered at the wrong one.
    ends = [before, None if wanted.until is None else (wanted.until, 0)]
    if any(ends):
        where.append("(e.first_at, e.id) < (:before_at, :before_id)")
        values |= dict(zip(("before_at", "before_id"), min(filter(None, ends)), strict=True))
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM events e JOIN cameras c ON c.id = e.camera_id "
            f"WHERE {' AND '.join(where) or 'true'} "
            "ORDER BY e.first_at DESC, e.id DESC LIMIT :limit"
        ),
        values | {"limit": limit},
    )
    return records(rows)


async def review(
    session: AsyncSession, event_id: int, values: Mapping[str, Any], *, now: datetime
) -> bool:
    """Set `reviewed` (a bool), `notes` or both; whether the event was there.

    What was reviewed before keeps the time of its first review.
    """
    setting = ["notes = :notes"] if "notes" in values else []
    if "reviewed" in values:
        setting.append("reviewed_at = CASE WHEN :reviewed THEN coalesce(reviewed_at, :now) END")
    if not setting:
        return await shown(session, event_id) is not None
    changed = await session.scalar(
        text(f"UPDATE events SET {', '.join(setting)} WHERE id = :id RETURNING id"),
        {"id": event_id, **values} | ({"now": now} if "reviewed" in values else {}),
    )
    return changed is not None


async def count_open(session: AsyncSession) -> int:
    """How many events are open."""
    found = await session.scalar(text("SELECT count(*) FROM events WHERE state = 'open'"))
    return int(found or 0)
