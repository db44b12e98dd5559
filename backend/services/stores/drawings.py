"""What people have drawn on a camera's picture: its zones, lines and privacy masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.errors import Conflict, NotFound
from backend.domain.drawings import Drawings
from backend.domain.hours import hours_of
from backend.domain.lines import MOST_LINES, Line
from backend.domain.masks import MOST_MASKS, Mask
from backend.domain.shapes import Points
from backend.domain.zones import MOST_ZONES, Zone, ZoneType
from backend.services.stores.rows import Record, record, records

_ENABLED = """
    coalesce((SELECT jsonb_agg(to_jsonb(d) ORDER BY d.id) FROM {table} d
        WHERE d.camera_id = :camera_id AND d.enabled), '[]') AS {table}
"""
COLUMNS = ", ".join(_ENABLED.format(table=table) for table in ("zones", "lines", "masks"))
"""The zones, lines and masks of `:camera_id` that are enabled; `from_row` reads them."""


async def of_camera(session: AsyncSession, camera_id: int) -> Drawings:
    """A camera's zones, lines and masks that are enabled."""
    rows = await session.execute(text(f"SELECT {COLUMNS}"), {"camera_id": camera_id})
    return from_row(records(rows)[0])


def from_row(row: Record) -> Drawings:
    """The drawings in a row with the `COLUMNS`."""
    return Drawings(
        tuple(map(_zone, row["zones"])),
        tuple(map(_line, row["lines"])),
        tuple(map(_mask, row["masks"])),
    )


def _zone(row: Mapping[str, Any]) -> Zone:
    return Zone(
        name=row["name"],
        points=_points(row["points"]),
        type=ZoneType(row["type"]),
        weight=row["weight"],
        classes=frozenset(row["classes"]),
        hours=None if row["hours"] is None else hours_of(row["hours"]),
        share=row["share"],
        colour=row["colour"],
        priority=row["priority"],
    )


def _line(row: Mapping[str, Any]) -> Line:
    return Line(
        name=row["name"],
        points=_points(row["points"]),
        inwards=row["inwards"],
        outwards=row["outwards"],
        classes=frozenset(row["classes"]),
    )


def _mask(row: Mapping[str, Any]) -> Mask:
    return Mask(row["name"], _points(row["points"]))


def _points(raw: list[list[float]]) -> Points:
    return tuple((x, y) for x, y in raw)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three things that people draw: `most` of them may be on one camera's picture."""

    noun: Literal["zone", "line", "mask"]
    own: tuple[str, ...]
    most: int

    @property
    def table(self) -> str:
        """Where they are."""
        return f"{self.noun}s"

    @property
    def given(self) -> str:
        """The columns that people give values to."""
        return ", ".join(("name", "points", "enabled", *self.own))

    @property
    def shown(self) -> str:
        """The columns that the API shows."""
        return f"id, camera_id, created_at, changed_at, {self.given}"


ZONES = Kind(
    "zone",
    ("type", "weight", "priority", "share", "colour", "hours", "classes"),
    MOST_ZONES,
)
LINES = Kind("line", ("inwards", "outwards", "classes"), MOST_LINES)
MASKS = Kind("mask", (), MOST_MASKS)

_NOW = "CAST(:now AS timestamptz)"


async def page(
    session: AsyncSession, kind: Kind, camera_id: int, *, after: int, limit: int
) -> list[Record]:
    """A camera's, by id, from the first with a higher id than `after`."""
    rows = await session.execute(
        text(
            f"SELECT {kind.shown} FROM {kind.table} WHERE camera_id = :camera_id AND id > :after "
            "ORDER BY id LIMIT :limit"
        ),
        {"camera_id": camera_id, "after": after, "limit": limit},
    )
    return records(rows)


async def shown(session: AsyncSession, kind: Kind, camera_id: int, drawing_id: int) -> Record:
    """One, as the API shows it. Raises `NotFound`."""
    rows = await session.execute(
        text(f"SELECT {kind.shown} FROM {kind.table} WHERE camera_id = :camera_id AND id = :id"),
        {"camera_id": camera_id, "id": drawing_id},
    )
    return _known(kind, camera_id, drawing_id, record(rows))


async def add(
    session: AsyncSession, kind: Kind, camera_id: int, values: Record, *, now: datetime
) -> Record:
    """Add one, as it is shown then. Raises `NotFound` for the camera, or `Conflict`."""
    await _lock(session, kind, camera_id, now=now)
    rows = await session.execute(
        text(f"SELECT count(*) AS number FROM {kind.table} WHERE camera_id = :camera_id"),
        {"camera_id": camera_id},
    )
    if rows.scalar_one() >= kind.most:
        raise Conflict(
            f"camera {camera_id} has {kind.most} {kind.table}, and no more are possible",
            code=f"{kind.noun}.too_many",
        )
    await _refuse_name_in_use(session, kind, camera_id, 0, values)
    rows = await session.execute(
        text(
            f"INSERT INTO {kind.table} (camera_id, created_at, changed_at, {kind.given}) "
            f"SELECT :camera_id, {_NOW}, {_NOW}, {kind.given} "
            f"FROM jsonb_populate_record(NULL::{kind.table}, CAST(:values AS jsonb)) "
            f"RETURNING {kind.shown}"
        ),
        {"camera_id": camera_id, "now": now, "values": _json(values)},
    )
    return records(rows)[0]


async def change(
    session: AsyncSession,
    kind: Kind,
    camera_id: int,
    drawing_id: int,
    values: Record,
    *,
    now: datetime,
) -> Record:
    """Change these values of one, as it is shown then. Raises `NotFound` or `Conflict`."""
    await _lock(session, kind, camera_id, now=now)
    await _refuse_name_in_use(session, kind, camera_id, drawing_id, values)
    rows = await session.execute(
        text(
            f"UPDATE {kind.table} d SET (changed_at, {kind.given}) = "
            f"(SELECT {_NOW}, {kind.given} FROM jsonb_populate_record(d, CAST(:values AS jsonb))) "
            f"WHERE camera_id = :camera_id AND id = :id RETURNING {kind.shown}"
        ),
        {"camera_id": camera_id, "id": drawing_id, "now": now, "values": _json(values)},
    )
    return _known(kind, camera_id, drawing_id, record(rows))


async def remove(
    session: AsyncSession, kind: Kind, camera_id: int, drawing_id: int, *, now: datetime
) -> None:
    """Remove one. Raises `NotFound` or `Conflict`."""
    await _lock(session, kind, camera_id, now=now)
    rows = await session.execute(
        text(f"DELETE FROM {kind.table} WHERE camera_id = :camera_id AND id = :id RETURNING id"),
        {"camera_id": camera_id, "id": drawing_id},
    )
    _known(kind, camera_id, drawing_id, record(rows))


async def _lock(session: AsyncSession, kind: Kind, camera_id: int, *, now: datetime) -> None:
    """Let one transaction at a time change what is drawn on a camera's picture.

    A change of masks is noted at the camera, at a later moment each time, whatever the clock says.
    """
    rows = await session.execute(
        text(
            "SELECT deleted_at IS NOT NULL AS deleted FROM cameras WHERE id = :id FOR NO KEY UPDATE"
        ),
        {"id": camera_id},
    )
    camera = record(rows)
    if camera is None:
        raise NotFound(f"there is no camera {camera_id}", code="camera.unknown")
    if camera["deleted"]:
        raise Conflict(f"camera {camera_id} is deleted: restore it first", code="camera.deleted")
    if kind is MASKS:
        await session.execute(
            text(
                f"UPDATE cameras SET masks_changed_at = greatest({_NOW}, "
                "masks_changed_at + interval '1 microsecond') WHERE id = :id"
            ),
            {"id": camera_id, "now": now},
        )


async def _refuse_name_in_use(
    session: AsyncSession, kind: Kind, camera_id: int, drawing_id: int, values: Record
) -> None:
    rows = await session.execute(
        text(
            f"SELECT id FROM {kind.table} "
            "WHERE camera_id = :camera_id AND name = :name AND id <> :id"
        ),
        {"camera_id": camera_id, "name": values.get("name"), "id": drawing_id},
    )
    other = record(rows)
    if other is not None:
        raise Conflict(
            f"name: {values['name']} is the name of {kind.noun} {other['id']} of this camera",
            code=f"{kind.noun}.exists",
        )


def _known(kind: Kind, camera_id: int, drawing_id: int, row: Record | None) -> Record:
    if row is None:
        raise NotFound(
            f"camera {camera_id} has no {kind.noun} {drawing_id}", code=f"{kind.noun}.unknown"
        )
    return row


def _json(values: Record) -> str:
    return orjson.dumps(values).decode()
