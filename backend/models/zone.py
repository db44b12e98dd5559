"""Zones."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Integer,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import Moment, Table


class Zone(Table):
    """An area of a camera's picture that has a meaning: `domain.zones.Zone`.

    `points` are pairs of fractions; `hours` is a window as `domain.hours` reads it.
    """

    __tablename__ = "zones"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    created_at: Mapped[Moment]
    changed_at: Mapped[Moment]
    name: Mapped[str]
    type: Mapped[str]
    weight: Mapped[int] = mapped_column(SmallInteger)
    priority: Mapped[int] = mapped_column(SmallInteger)
    enabled: Mapped[bool]
    share: Mapped[float | None] = mapped_column(Double)
    colour: Mapped[str]
    hours: Mapped[str | None]
    classes: Mapped[list[str]] = mapped_column(ARRAY(SqlText))
    points: Mapped[list[Any]] = mapped_column(JSONB)

    __table_args__ = (
        UniqueConstraint("camera_id", "name"),
        CheckConstraint(
            "type IN ('entry_point', 'driveway', 'sidewalk', 'yard', 'other')", name="type"
        ),
        CheckConstraint("weight BETWEEN -50 AND 50", name="weight"),
        CheckConstraint("priority BETWEEN 0 AND 100", name="priority"),
        CheckConstraint("share > 0 AND share <= 1", name="share"),
    )
