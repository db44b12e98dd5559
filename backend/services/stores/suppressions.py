"""Suppressions: what the pipeline needs of them, and what people see and decide."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.boxes import Box
from backend.domain.suppressions import Suppression
from backend.services.stores.rows import Record, record, records


def suppression_of(row: Mapping[str, Any]) -> Suppression:
    """From a row, whose print may be bytes, or their hexadecimal digits as JSON has them."""
    print_ = row["print"]
    return Suppression(
        row["id"],
        row["class_name"],
        Box(*row["box"]),
        bytes.fromhex(print_.removeprefix("\\x")) if isinstance(print_, str) else print_,
    )


async def count_hidden(session: AsyncSession, hidden: Mapping[int, int], *, now: datetime) -> None:
    """Count, by suppression, what it has hidden."""
    if not hidden:
        return
    await session.execute(
        text(
            "UPDATE suppressions s SET hidden = hidden + h.number, hidden_at = :now "
            "FROM unnest(CAST(:ids AS int[]), CAST(:numbers AS int[])) AS h (id, number) "
            "WHERE s.id = h.id"
        ),
        {"ids": list(hidden), "numbers": list(hidden.values()), "now": now},
    )


@dataclass(frozen=True, slots=True)
class Source:
    """What the owner points at: what it was taken for, where it is, how it looks, its track.

    The print is empty where that is not known.
    """

    class_name: str
    box: Box
    print: bytes
    track_id: int | None

    def suppression(self, id_: int = 0) -> Suppression:
        """What hides its like."""
        return Suppression(id_, self.class_name, self.box, self.print)


async def from_detection(session: AsyncSession, camera_id: int, detection_id: int) -> Source | None:
    """A detection of a camera; its look is that of its track."""
    rows = await session.execute(
        text(
            "SELECT d.class_name, d.x, d.y, d.width, d.height, t.id AS track_id, "
            "coalesce(t.print, '') AS print "
            "FROM detections d JOIN frames f ON f.id = d.frame_id "
            "LEFT JOIN tracks t ON t.id = d.track_id "
            "WHERE d.id = :id AND f.camera_id = :camera_id"
        ),
        {"id": detection_id, "camera_id": camera_id},
    )
    row = record(rows)
    if row is None:
        return None
    box = Box(row["x"], row["y"], row["width"], row["height"])
    return Source(row["class_name"], box, row["print"], row["track_id"])


async def from_track(session: AsyncSession, camera_id: int, track_id: int) -> Source | None:
    """A track of a camera, where it stands, or last stood."""
    rows = await session.execute(
        text(
            "SELECT id, class_name, rest, print FROM tracks "
            "WHERE id = :id AND camera_id = :camera_id"
        ),
        {"id": track_id, "camera_id": camera_id},
    )
    row = record(rows)
    return (
        None
        if row is None
        else Source(row["class_name"], Box(*row["rest"]), row["print"], row["id"])
    )


async def add(
    session: AsyncSession,
    camera_id: int,
    source: Source,
    *,
    ends_at: datetime,
    note: str | None,
    now: datetime,
) -> int:
    """Hide the like of something until then; the suppression's id."""
    box = source.box
    added: int = (
        await session.execute(
            text(
                "INSERT INTO suppressions "
                "(camera_id, track_id, created_at, ends_at, class_name, box, print, note) "
                "VALUES (:camera_id, :track_id, :now, :ends_at, :class_name, "
                "CAST(:box AS double precision[]), :print, :note) RETURNING id"
            ),
            {
                "camera_id": camera_id,
                "track_id": source.track_id,
                "now": now,
                "ends_at": ends_at,
                "class_name": source.class_name,
                "box": [box.x, box.y, box.width, box.height],
                "print": source.print,
                "note": note,
            },
        )
    ).scalar_one()
    return added


SuppressionState = Literal["active", "ended", "undone"]

_WHERE: dict[SuppressionState, str] = {
    "active": "undone_at IS NULL AND ends_at > :now",
    "ended": "undone_at IS NULL AND ends_at <= :now",
    "undone": "undone_at IS NOT NULL",
}
_SHOWN = f"""
    id, camera_id, track_id, class_name, box, length(print) > 0 AS knows_look, note, created_at,
    ends_at, undone_at, hidden, hidden_at,
    CASE {" ".join(f"WHEN {is_so} THEN '{state}'" for state, is_so in _WHERE.items())} END AS state
"""


async def page(
    session: AsyncSession,
    camera_id: int,
    *,
    state: SuppressionState | None,
    before: int | None,
    limit: int,
    now: datetime,
) -> list[Record]:
    """A camera's suppressions, or those in a state, the newest first."""
    where = ["camera_id = :camera_id"] + ([_WHERE[state]] if state else [])
    values: dict[str, Any] = {"camera_id": camera_id, "limit": limit, "now": now}
    if before is not None:
        where.append("id < :before")
        values["before"] = before
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM suppressions WHERE {' AND '.join(where)} "
            "ORDER BY id DESC LIMIT :limit"
        ),
        values,
    )
    return records(rows)


async def shown(
    session: AsyncSession, camera_id: int, suppression_id: int, *, now: datetime
) -> Record | None:
    """One suppression of a camera, as the API shows it."""
    rows = await session.execute(
        text(f"SELECT {_SHOWN} FROM suppressions WHERE id = :id AND camera_id = :camera_id"),
        {"id": suppression_id, "camera_id": camera_id, "now": now},
    )
    return record(rows)


async def named(session: AsyncSession, ids: Collection[int], *, now: datetime) -> dict[int, Record]:
    """Suppressions of any camera, as `shown`, by id; those that are there."""
    if not ids:
        return {}
    rows = await session.execute(
        text(f"SELECT {_SHOWN} FROM suppressions WHERE id = ANY(CAST(:ids AS int[]))"),
        {"ids": sorted(ids), "now": now},
    )
    return {row["id"]: row for row in records(rows)}


async def count_active(session: AsyncSession, camera_id: int, *, now: datetime) -> int:
    """How many hide something at a camera now."""
    found = await session.scalar(
        text(
            f"SELECT count(*) FROM suppressions WHERE camera_id = :camera_id AND {_WHERE['active']}"
        ),
        {"camera_id": camera_id, "now": now},
    )
    return int(found or 0)


async def change(session: AsyncSession, suppression_id: int, values: Mapping[str, Any]) -> None:
    """Give a suppression another `ends_at`, `note`, or set `undone_at`."""
    given = {name: values[name] for name in ("ends_at", "note", "undone_at") if name in values}
    if given:
        setting = ", ".join(f"{name} = :{name}" for name in given)
        await session.execute(
            text(f"UPDATE suppressions SET {setting} WHERE id = :id"),
            {"id": suppression_id, **given},
        )
