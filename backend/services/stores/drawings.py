"""What people have drawn on a camera's picture, as the pipeline needs it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.drawings import Drawings
from backend.domain.hours import hours_of
from backend.domain.lines import Line
from backend.domain.masks import Mask
from backend.domain.shapes import Points
from backend.domain.zones import Zone, ZoneType
from backend.services.stores.rows import Record, records

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


async def masks_of_camera(session: AsyncSession, camera_id: int) -> tuple[Mask, ...]:
    """A camera's masks that are enabled."""
    rows = await session.execute(
        text("SELECT name, points FROM masks WHERE camera_id = :camera_id AND enabled ORDER BY id"),
        {"camera_id": camera_id},
    )
    return tuple(map(_mask, records(rows)))


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
